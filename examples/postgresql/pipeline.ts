import { count, definePipeline, forEachWindow, sum, tumbling } from 'tidemark';
import * as z from 'zod';

/** Sales by shop and hour, each final window in a table of PostgreSQL: exactly once, in a transaction of your own. */
export default definePipeline({
  name: 'sales',
  event: z.object({ time: z.number(), shop: z.string(), amount: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: '10 minutes' },
  queries: {
    salesPerHour: {
      groupBy: ['shop'],
      window: tumbling('1 hour'),
      aggregates: { sales: count(), revenue: sum('amount') },
    },
  },
  sinks: { toPostgres: forEachWindow('./to-postgres.ts') },
});
