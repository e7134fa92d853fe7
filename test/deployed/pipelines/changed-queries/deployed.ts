import { z } from 'zod';
import { avg, count, definePipeline, sum, tumbling } from '../../../../functions/core/index.ts';

/** The first pipeline with an additional query, by day, and a second version of its first query. */
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
    'byKind@2': {
      where: (event) => event.kind !== 'free',
      groupBy: ['kind'],
      expectedKeys: 5,
      window: tumbling('30 minutes'),
      aggregates: { n: count() },
    },
    perDay: {
      where: (event) => event.kind !== 'free',
      groupBy: {},
      expectedKeys: 1,
      window: tumbling('1 day'),
      aggregates: { n: count() },
    },
  },
});
