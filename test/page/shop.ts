import * as z from 'zod';
import {
  approxCountDistinct,
  avg,
  calendar,
  count,
  definePipeline,
  file,
  max,
  percentiles,
  sqs,
  sum,
  tumbling,
  webhook,
} from '../../functions/core/index.ts';

const { SHOP_FOLDER = '.tidemark/shop' } = process.env;

/** Nobody has this name (RFC 2606). */
const nowhere = 'https://warehouse.invalid/windows';

/** A shop's orders, with what the page has to show: few keys and many, days of a zone, wide rows, sinks of each fate. */
export default definePipeline({
  name: 'shop',
  event: z.object({
    time: z.number(),
    country: z.string(),
    product: z.string(),
    payment: z.enum(['card', 'invoice', 'voucher']),
    amount: z.number(),
    customer: z.string(),
  }),
  eventTime: (event) => event.time,
  watermark: { delay: '30 seconds', idle: '1 minute' },
  queries: {
    ordersByCountry: {
      groupBy: ['country'],
      window: tumbling('1 minute'),
      aggregates: { orders: count(), turnover: sum('amount') },
    },
    ordersByProduct: {
      groupBy: ['product'],
      window: tumbling('2 minutes'),
      aggregates: { orders: count(), mean: avg('amount') },
    },
    ordersByDay: {
      groupBy: ['country'],
      window: calendar('day', { timeZone: 'America/Los_Angeles' }),
      aggregates: { orders: count(), turnover: sum('amount') },
    },
    wide: {
      groupBy: ['country', 'product', 'payment'],
      window: tumbling('5 minutes'),
      aggregates: {
        orders: count(),
        turnover: sum('amount'),
        mean: avg('amount'),
        greatest: max('amount'),
        customers: approxCountDistinct('customer'),
        spread: percentiles('amount', [0.5, 0.9, 0.99]),
      },
    },
  },
  sinks: {
    archive: file({ folder: SHOP_FOLDER, queries: ['ordersByCountry'] }),
    warehouse: webhook({ url: nowhere, queries: ['ordersByProduct'], attempts: 3 }),
    dashboard: webhook({ url: nowhere, mode: 'update', queries: ['ordersByCountry'], attempts: 100 }),
    ledger: sqs({ queries: ['ordersByDay'] }),
  },
});
