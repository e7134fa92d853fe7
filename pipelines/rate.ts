import { count, definePipeline, max, min, sum, tumbling } from 'tidemark';
import * as z from 'zod';

/**
 * The number of events of each key in every ten seconds, of the events that `tidemark rate` makes, for load tests and
 * demos.
 */
export default definePipeline({
  name: 'rate',
  event: z.object({ timestamp: z.number(), value: z.number(), key: z.string() }),
  eventTime: (event) => event.timestamp,
  watermark: { delay: '10 seconds' },
  queries: {
    perKey: {
      groupBy: ['key'],
      window: tumbling('10 seconds'),
      aggregates: { count: count(), sum: sum('value'), least: min('value'), greatest: max('value') },
    },
  },
});
