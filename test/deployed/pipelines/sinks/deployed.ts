import { z } from 'zod';
import {
  avg,
  count,
  definePipeline,
  eventBridge,
  s3,
  sns,
  sqs,
  sum,
  tumbling,
} from '../../../../functions/core/index.ts';

/** The first pipeline with a sink of each kind that only a deployed stack has. */
export default definePipeline({
  name: 'sunk',
  event: z.object({ time: z.number(), kind: z.enum(['a', 'b', 'c', 'free']), amount: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: '10 minutes', idle: '20 seconds' },
  queries: {
    byKind: {
      where: (event) => event.kind !== 'free',
      groupBy: ['kind'],
      expectedKeys: 5,
      window: tumbling('1 hour'),
      aggregates: { n: count(), total: sum('amount'), mean: avg('amount') },
    },
  },
  sinks: { bus: eventBridge(), queue: sqs(), topic: sns(), objects: s3({ prefix: 'counts' }) },
});
