import { avg, calendar, count, definePipeline, sum } from 'tidemark';
import * as z from 'zod';

const bySalesDay = {
  groupBy: ['currency'],
  aggregates: { orders: count(), revenue: sum('amount'), meanOrder: avg('amount') },
} as const;

/**
 * Sales by calendar day in the shops' time zone. Days have 23 and 25 hours when clocks change. Amounts are text, added
 * up to the cent.
 */
export default definePipeline({
  name: 'sales',
  event: z.object({ time: z.iso.datetime(), currency: z.string(), amount: z.string() }),
  eventTime: (event) => event.time,
  watermark: { delay: '1 hour' },
  queries: {
    newYork: { ...bySalesDay, window: calendar('day', { timeZone: 'America/New_York' }) },
    berlin: { ...bySalesDay, window: calendar('day', { timeZone: 'Europe/Berlin' }) },
    tokyo: { ...bySalesDay, window: calendar('day', { timeZone: 'Asia/Tokyo' }) },
  },
});
