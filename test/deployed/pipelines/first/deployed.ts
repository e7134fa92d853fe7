import { z } from 'zod';
import { avg, count, definePipeline, sum, tumbling } from '../../../../functions/core/index.ts';

/**
 * The pipeline that is deployed first. Its one query counts the kinds a, b and c. `free` is filtered, and anything else
 * is refused.
 */
export default definePipeline({
  name: 'deployed',
  event: z.object({ time: z.number(), kind: z.enum(['a', 'b', 'c', 'free']), amount: z.number() }),
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
