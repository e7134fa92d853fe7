import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';

/** Counts markers by day. Each marker is its own key, so that a reader knows which event it sees. */
export default definePipeline({
  name: 'bench-markers',
  event: z.object({ time: z.number(), marker: z.string() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: '1 hour' },
  queries: {
    markers: { groupBy: ['marker'], expectedKeys: 200, window: tumbling('1 day'), aggregates: { count: count() } },
  },
});
