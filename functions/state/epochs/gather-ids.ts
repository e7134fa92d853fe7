import { packFirsts } from '../../core/log/first-occurrences.ts';
import { type EpochRange, leafRange } from '../../core/log/merge-tree.ts';
import type { EntryIds } from '../log/entry.ts';
import { eachIdSegment, firstsIn, type IdSegment, mostIdEpochs, putIdSegment } from '../log/id-segment.ts';
import type { Table } from '../table/table.ts';
import type { EpochBounds } from './bounds.ts';
import type { IdBytes } from './mark.ts';

/** What ids are gathered with. */
export interface GatherIdsOptions {
  readonly state: Table;
  readonly bounds: Pick<EpochBounds, 'idBytes'>;
}

/**
 * Gathers the ids of a task's entries, each log's as segments of its own (DESIGN 4.3, "Deduplication"). They are
 * carried on as they are: whether this code deduplicates has no part in it, and they expire when their entries said.
 * @param ids by shard, in the order of the entries
 * @returns the bytes of each shard that has some
 */
export async function gatherIds(
  { state, bounds }: GatherIdsOptions,
  epoch: number,
  task: number,
  ids: ReadonlyMap<string, readonly EntryIds[]>,
): Promise<IdBytes> {
  const bytes: Record<string, number> = {};
  await Promise.all(
    [...ids].map(async ([shardId, ofShard]) => {
      if (ofShard.length === 0) return;
      bytes[shardId] = await putPieces(state, shardId, leafRange(epoch), task, ofShard, bounds.idBytes);
    }),
  );
  return bytes;
}

async function putPieces(
  state: Table,
  shardId: string,
  range: EpochRange,
  task: number,
  ids: readonly EntryIds[],
  mostBytes: number,
): Promise<number> {
  const until = Math.max(...ids.map((one) => one.until));
  const pieces = packFirsts(firstsIn(ids), mostBytes);
  let offset = 0;
  let bytes = 0;
  const puts: Promise<void>[] = [];
  for (const packed of pieces) {
    puts.push(putIdSegment(state, shardId, range, { task, offset, packed, until }));
    offset += packed.count;
    bytes += packed.data.length;
  }
  await Promise.all(puts);
  return bytes;
}

/**
 * Merges the segments of some epochs, of the shards whose ids fit one item: a merged segment is there whole or not at
 * all. Larger ones stay as they are, since merging saves a reader their keys alone.
 * @param marks of these epochs
 */
export async function mergeIds(
  { state, bounds }: GatherIdsOptions,
  range: EpochRange,
  marks: readonly { readonly ids: IdBytes }[],
): Promise<void> {
  if (range.to - range.from + 1 > mostIdEpochs) return;
  const held = new Map<string, { bytes: number; segments: number }>();
  for (const { ids } of marks)
    for (const [shardId, bytes] of Object.entries(ids)) {
      const before = held.get(shardId) ?? { bytes: 0, segments: 0 };
      held.set(shardId, { bytes: before.bytes + bytes, segments: before.segments + 1 });
    }
  await Promise.all(
    [...held].map(async ([shardId, { bytes, segments }]) => {
      if (segments > 1 && bytes <= bounds.idBytes) await mergeOf(state, shardId, range, bounds.idBytes);
    }),
  );
}

async function mergeOf(state: Table, shardId: string, range: EpochRange, mostBytes: number): Promise<void> {
  const members: IdSegment[] = [];
  const size = range.to - range.from + 1;
  await eachIdSegment(state, shardId, range, Number.NEGATIVE_INFINITY, (one) => members.push(one), size - 1);
  if (members.length < 2) return;
  members.sort((left, right) => left.to - right.to || (left.item.sk < right.item.sk ? -1 : 1));
  const [packed, ...others] = packFirsts(firstsIn(members), mostBytes);
  if (packed === undefined || others.length > 0) return;
  const until = Math.max(...members.map((one) => one.until));
  await putIdSegment(state, shardId, range, { task: 0, offset: 0, packed, until });
}
