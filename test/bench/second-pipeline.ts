import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';

/** Windows of one second, each closed by the first event after it. */
export default definePipeline({
  name: 'bench-seconds',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: '0 ms' },
  queries: { perSecond: { window: tumbling('1 second'), expectedKeys: 1, aggregates: { count: count() } } },
});
