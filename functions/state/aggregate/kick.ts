import type { Pipeline } from '../../core/definition/pipeline.ts';
import { shardWatermark } from '../../core/fold/watermark.ts';
import { partitionsOf } from '../items/partition.ts';
import { progressOf, type ShardProgress } from '../items/progress.ts';
import type { Table } from '../table/table.ts';

export { edgePassed } from '../log/kick.ts';

/**
 * Progress items looked at in one read, about a read unit's worth (4 KB): where one shard lags, it is mostly found
 * among the first.
 */
const itemsPerRead = 20;

/**
 * Whether no other shard is known to hold the watermark below an edge. Read after the own commit and strongly
 * consistent, so that of shards that pass an edge at the same moment at least one sees that all have. A shard that has
 * accepted nothing for the idle timeout may hold nothing: the finalize run finds out. Ends at the first shard that
 * lags: with a thousand shards only the last ones read them all.
 */
export async function mayBeSlowest(
  state: Table,
  pipeline: Pipeline,
  shardId: string,
  edge: number,
  nowMs: number,
): Promise<boolean> {
  for (const partition of partitionsOf('progress')) {
    let from: string | undefined;
    do {
      const items = await state.query(partition, { limit: itemsPerRead, ...(from === undefined ? {} : { from }) });
      if (items.some((item) => item.sk !== shardId && lags(pipeline, progressOf(item), edge, nowMs))) return false;
      const last = items[itemsPerRead - 1];
      // The least text after a sort key.
      from = last === undefined ? undefined : `${last.sk}\u0000`;
    } while (from !== undefined);
  }
  return true;
}

function lags(
  { idleMs, delayMs }: Pipeline,
  { maxEventTime, acceptedArrival, lastArrival }: ShardProgress,
  edge: number,
  nowMs: number,
): boolean {
  if (maxEventTime !== undefined && shardWatermark(maxEventTime, delayMs) >= edge) return false;
  return nowMs - (acceptedArrival ?? lastArrival ?? nowMs) < idleMs;
}
