import { count, definePipeline, tumbling } from 'tidemark';
import * as z from 'zod';

/** Spark's classic lesson: devices open and close. It counts the events of each action in every hour of event time. */
export default definePipeline({
  name: 'device-actions',
  event: z.object({ time: z.number(), action: z.enum(['Open', 'Close']) }),
  eventTime: { of: (event) => event.time, unit: 's' },
  watermark: { delay: '1 hour' },
  queries: {
    actionsPerHour: {
      groupBy: ['action'],
      window: tumbling('1 hour'),
      aggregates: { count: count() },
    },
  },
});
