import { eachFirst, type FirstOccurrence, type PackedFirsts } from '../../core/log/first-occurrences.ts';
import { type EpochRange, mergeFactor } from '../../core/log/merge-tree.ts';
import { type Item, numberOf, type Table } from '../table/table.ts';
import { positionText } from './entry.ts';

/**
 * The ids that epochs have gathered of one shard's log (DESIGN 4.3, "Deduplication"). A segment is one item, or, of
 * what one epoch gathers, several pieces that are all there before the epoch is gathered. To read an id twice is as
 * good as once.
 */
export interface IdSegment extends EpochRange {
  readonly item: Item;
  /** The clock at its last id, epoch ms. In the order of a log it never goes back. */
  readonly clockMs: number;
  /** When nothing needs it any more, epoch seconds. */
  readonly until: number;
  readonly data: Uint8Array;
}

/** Sizes of the segments in epochs, descending: larger ones would save a reader little. */
const sizes = [mergeFactor ** 3, mergeFactor ** 2, mergeFactor, 1] as const;

/** The number of epochs of the largest segments. */
export const mostIdEpochs = sizes[0];

/** Segments of one size have a partition, so that a reader passes by what lies within larger ones. */
const partition = (shardId: string, size: number) => `ids#${shardId}#${size}`;

/**
 * Puts a piece of a segment if it is absent. Its content follows from its key: which part of the ids it holds is in it,
 * so that where another version of the code cuts them otherwise, the pieces of each are there, whole.
 * @param task of the epoch that gathered it; 0 for a merged one
 * @param offset of its first id among those of the segment
 */
export async function putIdSegment(
  state: Table,
  shardId: string,
  { from, to }: EpochRange,
  piece: { readonly task: number; readonly offset: number; readonly packed: PackedFirsts; readonly until: number },
): Promise<void> {
  const { task, offset, packed, until } = piece;
  const name = [to, task, offset, packed.count].map(positionText).join('#');
  await state.put(
    {
      pk: partition(shardId, to - from + 1),
      sk: name,
      attributes: { ids: packed.data, clock: packed.clockMs, expiresAt: until },
    },
    [{ attribute: 'ids', is: 'absent' }],
  );
}

/** Items read at a time: at most some 13 MB. */
const itemsAtATime = 50;

/** Gaps between larger segments that are read at the same time. */
const gapsAtATime = 8;

/**
 * Visits the segments that together hold the ids of some epochs, of smaller ones only what larger ones leave; those of
 * one size from the newest on. Strongly consistent. Only epochs that are gathered, or whose own segments are all there.
 * @param fromMs segments whose last id lies before it are passed by, epoch ms
 * @param mostSize only segments of at most so many epochs
 */
export async function eachIdSegment(
  state: Table,
  shardId: string,
  range: EpochRange,
  fromMs: number,
  visit: (segment: IdSegment) => void,
  mostSize: number = mostIdEpochs,
): Promise<void> {
  let gaps: readonly EpochRange[] = [range];
  for (const size of sizes) {
    if (size > mostSize) continue;
    const left: EpochRange[] = [];
    /** Everything at or before this epoch lies before the horizon. */
    let passed = 0;
    for (let at = 0; at < gaps.length; at += gapsAtATime) {
      const some = gaps.slice(at, at + gapsAtATime).filter(({ to }) => to > passed);
      const read = await Promise.all(some.map((gap) => readGap(state, shardId, size, gap, fromMs, visit)));
      for (const { gaps: ofGap, passed: ofGapPassed } of read) {
        left.push(...ofGap);
        passed = Math.max(passed, ofGapPassed);
      }
    }
    gaps = left.filter(({ to }) => to > passed).map(({ from, to }) => ({ from: Math.max(from, passed + 1), to }));
  }
}

/** Reads the segments of one size in a range of epochs, from the newest on. @returns what they leave, newest first */
async function readGap(
  state: Table,
  shardId: string,
  size: number,
  { from, to }: EpochRange,
  fromMs: number,
  visit: (segment: IdSegment) => void,
): Promise<{ readonly gaps: readonly EpochRange[]; readonly passed: number }> {
  const gaps: EpochRange[] = [];
  // The sort key begins with the last epoch: a segment whose last one is here begins here too, since ranges nest.
  const least = positionText(from);
  let most = `${positionText(to)}~`;
  let end = to;
  for (;;) {
    const items = await state.query(partition(shardId, size), {
      from: least,
      to: most,
      order: 'descending',
      limit: itemsAtATime,
    });
    for (const segment of items.map((item) => segmentOf(item, size))) {
      if (segment.clockMs < fromMs) {
        if (segment.to < end) gaps.push({ from: segment.to + 1, to: end });
        return { gaps, passed: segment.to };
      }
      if (segment.to < end) gaps.push({ from: segment.to + 1, to: end });
      end = Math.min(end, segment.from - 1);
      visit(segment);
    }
    const last = items[itemsAtATime - 1];
    if (last === undefined) break;
    most = keyBelow(last.sk);
  }
  if (end >= from) gaps.push({ from, to: end });
  return { gaps, passed: 0 };
}

/** A key below one of a piece, and at or above every other such key: the last number of it is at least 1. */
function keyBelow(sk: string): string {
  const numbers = sk.split('#').map(Number);
  const last = numbers.pop() ?? 0;
  return [...numbers, last - 1].map(positionText).join('#');
}

function segmentOf(item: Item, size: number): IdSegment {
  const { ids } = item.attributes;
  const to = Number(item.sk.split('#')[0]);
  const clockMs = numberOf(item, 'clock');
  const until = numberOf(item, 'expiresAt');
  if (!(ids instanceof Uint8Array) || !Number.isSafeInteger(to) || clockMs === undefined || until === undefined)
    throw new Error(`ids ${item.pk} / ${item.sk}: unexpected content`);
  return { from: to - size + 1, to, item, clockMs, until, data: ids };
}

/** The ids of segments, in their order. */
export function firstsIn(segments: readonly { readonly data: Uint8Array }[]): readonly FirstOccurrence[] {
  const firsts: FirstOccurrence[] = [];
  for (const { data } of segments) eachFirst(data, (first) => firsts.push(first));
  return firsts;
}
