import { count, definePipeline, max, min, session } from 'tidemark';
import * as z from 'zod';

/** Visits to a shop: a user's clicks that follow one another within half an hour, however long the visit goes on. */
export default definePipeline({
  name: 'clicks-by-session',
  event: z.object({ time: z.string(), user: z.string(), page: z.string(), cart: z.number().nullish() }),
  eventTime: (event) => event.time,
  watermark: { delay: '5 minutes' },
  queries: {
    visits: {
      groupBy: ['user'],
      window: session('30 minutes'),
      aggregates: { clicks: count(), emptiestCart: min('cart'), fullestCart: max('cart') },
    },
  },
});
