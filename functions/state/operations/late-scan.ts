import type { Query } from '../../core/definition/pipeline.ts';
import { pairsOf, readAllProgress } from '../epochs/progress.ts';
import type { StoredSideEvent } from '../items/side-event.ts';
import type { ArrivalRange, SidePlace } from '../items/side-place.ts';
import { scanSideOutput } from '../items/side-scan.ts';
import type { Table } from '../table/table.ts';

/** Nothing is kept in the side output for longer after its arrival, in ms: 30 days, and 2 until it is gone. */
const keptMs = 32 * 86_400_000;

/** How far clocks of the stream may be apart, in ms: the last record need not have the latest arrival. */
const clocksApartMs = 3_600_000;

/** An event on the way through the side output, or a stretch that held none, with the place that is reached. */
export interface Scanned {
  readonly event: StoredSideEvent | undefined;
  readonly place: SidePlace;
}

/**
 * The events that were late for a query and that nobody has decided about, by shard and sequence number. Shards without
 * any are passed by, and so are times before what is kept: however long ago `fromMs` is, the work is bounded.
 * @param nowMs epoch ms
 * @param after begins behind this place
 */
export async function* scanLate(
  { state, rejects }: { readonly state: Table; readonly rejects: Table },
  query: Query,
  { fromMs, toMs }: ArrivalRange,
  nowMs: number,
  after: SidePlace | undefined,
): AsyncGenerator<Scanned> {
  const progress = await readAllProgress(state);
  const ranges = [...progress]
    .filter(([, shard]) => pairsOf(shard, query.name).late > 0)
    .map(([shardId, { lastArrival = nowMs }]) => ({
      shardId,
      fromMs: Math.max(fromMs, nowMs - keptMs),
      toMs: Math.min(toMs, lastArrival + clocksApartMs),
    }))
    .sort((left, right) => (left.shardId < right.shardId ? -1 : 1));
  for await (const { event, place } of scanSideOutput(rejects, ranges, after)) {
    const isOpen = event?.reason === 'late' && event.query === query.name && event.settled === null;
    yield { event: isOpen ? event : undefined, place };
  }
}
