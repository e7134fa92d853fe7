import { z } from 'zod';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';

/** Orders by kind and hour. A partition without records is soon idle. */
export default definePipeline({
  name: 'kafka-orders',
  event: z.object({ time: z.number(), kind: z.string(), amount: z.number(), id: z.string() }),
  eventTime: (event) => event.time,
  watermark: { delay: '10 minutes', idle: '2 seconds' },
  queries: {
    byKind: {
      groupBy: ['kind'],
      expectedKeys: 4,
      window: tumbling('1 hour'),
      aggregates: { n: count(), sum: sum('amount') },
    },
  },
});
