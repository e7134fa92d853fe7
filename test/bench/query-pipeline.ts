import { z } from 'zod';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';

/** Windows of many keys, for the benchmark of reads. */
export default definePipeline({
  name: 'bench-query',
  event: z.object({ time: z.number(), key: z.string(), amount: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    perMinute: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { n: count(), total: sum('amount') } },
  },
});
