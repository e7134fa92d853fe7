import { z } from 'zod';
import { avg, count, definePipeline, sum, tumbling } from '../../../../functions/core/index.ts';

/**
 * The first pipeline with another window under the same name, with which the existing windows could not go on. Nothing
 * of it may be deployed.
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
      window: tumbling('2 hours'),
      aggregates: { n: count(), total: sum('amount'), mean: avg('amount') },
    },
  },
});
