import { count, countIf, definePipeline, percentiles, sliding } from 'tidemark';
import * as z from 'zod';

/**
 * The latency of services, as it is watched: percentiles over the last hour, every minute. A request folds once, into
 * its minute, though 60 windows hold it.
 */
export default definePipeline({
  name: 'latency',
  event: z.object({ time: z.number(), service: z.string(), ms: z.number(), status: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: '30 seconds' },
  queries: {
    lastHour: {
      groupBy: ['service'],
      window: sliding('1 hour', '1 minute'),
      aggregates: {
        requests: count(),
        failed: countIf((event: { status: number }) => event.status >= 500),
        latency: percentiles('ms', [0.5, 0.99]),
      },
    },
  },
});
