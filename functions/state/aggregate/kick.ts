import type { Pipeline } from '../../core/definition/pipeline.ts';
import { shardWatermark } from '../../core/fold/watermark.ts';
import { leastEdgePassed } from '../../core/log/due.ts';
import { partitionsOf } from '../items/partition.ts';
import { progressOf, type ShardProgress } from '../items/progress.ts';
import type { Table } from '../table/table.ts';

/**
 * Progress items looked at in one read, about a read unit's worth (4 KB): where one shard lags, it is mostly found
 * among the first.
 */
const itemsPerRead = 20;

/**
 * The least edge of a window that a shard's watermark has passed by a commit: what a finalize run could make final now,
 * rather than at the next minute. Each edge is passed by one commit of a shard, so it is asked for at most once.
 * @param before the shard's greatest event time before the commits, epoch ms; undefined when there was none
 * @param after the one after them
 * @returns epoch ms; undefined when no edge was passed
 */
export function edgePassed(
  pipeline: Pipeline,
  before: number | undefined,
  after: number | undefined,
): number | undefined {
  if (after === undefined) return undefined;
  const closedThrough = before === undefined ? Number.NEGATIVE_INFINITY : shardWatermark(before, pipeline.delayMs);
  return leastEdgePassed(pipeline, closedThrough, shardWatermark(after, pipeline.delayMs));
}

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
