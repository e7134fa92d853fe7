import { z } from 'zod';
import { avg, count, definePipeline, sum, tumbling } from '../../../../functions/core/index.ts';

/** The first pipeline with another schema, which takes kind d too. Its queries are the same. */
export default definePipeline({
  name: 'deployed',
  event: z.object({ time: z.number(), kind: z.enum(['a', 'b', 'c', 'd', 'free']), amount: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: '10 minutes', idle: '20 seconds' },
  queries: {
    byKind: {
      where: (event) => event.kind !== 'free',
      groupBy: ['kind'],
      expectedKeys: 5,
      window: tumbling('1 hour'),
      aggregates: { n: count(), total: sum('amount'), mean: avg('amount') },
    },
  },
});
