import type { Pipeline } from '../../core/definition/pipeline.ts';
import { shardWatermark } from '../../core/fold/watermark.ts';
import { leastEdgePassed } from '../../core/log/due.ts';
import type { Table } from '../table/table.ts';
import { readHeldBy } from './held.ts';

/**
 * The least edge of a window that a shard's watermark has passed by a batch: what an epoch could make final now, rather
 * than at the next minute. Each edge is passed by one batch of a shard, so it is asked for at most once.
 * @param before the shard's greatest event time before the batch, epoch ms; undefined when there was none
 * @param after the one after it
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
 * Whether a shard that has passed an edge should ask for an epoch: when finalize noted, at its last observation, that
 * this shard holds the watermark, or that none does. One read, however many shards there are. It has to begin after the
 * shard's own batch was put.
 *
 * The race: the shard puts its batch, then reads the hint; finalize reads the tails, then writes the hint. When
 * finalize has read the tail before the batch and writes the hint after it was read, nobody asks: finalize saw the old
 * tail, and the shard saw another name. So finalize, after it has written the hint with a new name, reads the tail of
 * the shard that it named once more, and observes again when that has passed an edge. Of the two, put and read here,
 * write and read there, one sees the other. Without that second read, or when finalize dies before it, the schedule
 * asks within a minute.
 *
 * A shard that is not named needs not ask: the named one lies lower, and asks when it passes the edge itself; finalize
 * then observes anew and names the next one. Two shards may ask for one epoch where the hint names nobody: the election
 * takes one.
 */
export async function isHoldingBack(state: Table, shardId: string): Promise<boolean> {
  const { by } = await readHeldBy(state);
  return by === undefined || by === shardId;
}
