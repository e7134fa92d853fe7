import { count, definePipeline, sum, tumbling } from 'tidemark';
import * as z from 'zod';

/** How much each shop sells in each hour, by the time at which a sale was made. */
export default definePipeline({
  name: 'sales-by-shop',
  event: z.object({
    time: z.string(), // when the sale was made, ISO 8601 with a zone
    shop: z.string(),
    amount: z.number(),
  }),
  eventTime: (sale) => sale.time,
  watermark: { delay: '10 minutes' }, // a sale may come so much later than the latest one seen
  queries: {
    salesPerHour: {
      groupBy: ['shop'],
      window: tumbling('1 hour'),
      aggregates: { sales: count(), revenue: sum('amount') },
    },
  },
});
