import { avg, count, definePipeline, max, tumbling } from 'tidemark';
import * as z from 'zod';

/**
 * A week of the USGS feed, in the order in which events were last updated. The disorder is real, most of it more than
 * an hour.
 */
export default definePipeline({
  name: 'earthquakes',
  event: z.object({ id: z.string(), time: z.number(), net: z.string(), mag: z.number().nullish() }),
  eventTime: (event) => event.time,
  watermark: { delay: '24 hours' },
  queries: {
    byNetworkAndDay: {
      where: (event) => event.mag != null && event.mag >= 1,
      groupBy: ['net'],
      window: tumbling('1 day'),
      aggregates: { events: count(), meanMagnitude: avg('mag'), greatestMagnitude: max('mag') },
    },
  },
});
