import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../../../functions/core/index.ts';

/** Events of all sources. Posted events and objects say where they come from, and a table's changes name the table. */
export default definePipeline({
  name: 'sources',
  event: z.object({
    id: z.string(),
    time: z.number(),
    from: z.string().optional(),
    table: z.string().optional(),
    type: z.string().optional(),
  }),
  eventTime: (event) => event.time,
  watermark: { delay: '1 day', idle: '1 hour' },
  dedup: { by: (event) => event.id, within: '1 day' },
  queries: {
    bySource: {
      groupBy: { source: (event) => event.from ?? event.type ?? null },
      expectedKeys: 5,
      window: tumbling('1 hour'),
      aggregates: { n: count() },
    },
  },
});
