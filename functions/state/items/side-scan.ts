import type { Item, Table } from '../table/table.ts';
import { type StoredSideEvent, storedSideEvent } from './side-event.ts';
import {
  type ArrivalRange,
  dayMs,
  directoryKey,
  hourMs,
  isMark,
  markSortKey,
  parseDirectory,
  partitionKey,
  type SidePlace,
} from './side-place.ts';

/** The side output of some shards in a range of arrival times, in the order of shard, hour and sequence number. */
export async function readSideOutput(
  rejects: Table,
  shardIds: readonly string[],
  range: ArrivalRange & { readonly limit: number },
): Promise<readonly StoredSideEvent[]> {
  const found: StoredSideEvent[] = [];
  for await (const { event } of sideOutput(rejects, shardIds, range)) {
    if (found.length === range.limit) break;
    found.push(event);
  }
  return found;
}

/**
 * {@link readSideOutput} one event after the other, as far as it is asked for, each with its place.
 * @param shardIds ascending
 * @param after begins behind this place
 */
export async function* sideOutput(
  rejects: Table,
  shardIds: readonly string[],
  { fromMs, toMs }: ArrivalRange,
  after?: SidePlace,
): AsyncGenerator<{ readonly event: StoredSideEvent; readonly place: SidePlace }> {
  const ranges = shardIds.map((shardId) => ({ shardId, fromMs, toMs }));
  for await (const { event, place } of scanSideOutput(rejects, ranges, after))
    if (event !== undefined) yield { event, place };
}

/** Days whose directories are looked at together. */
const daysAtOnce = 8;

/**
 * The side output in the order of shard, hour and sequence number. Stretches that hold nothing give a place without an
 * event, so that a reader who is cut off can go on from there.
 * @param ranges by shard, ascending
 * @param after begins behind this place
 */
export async function* scanSideOutput(
  rejects: Table,
  ranges: readonly (ArrivalRange & { readonly shardId: string })[],
  after?: SidePlace,
): AsyncGenerator<{ readonly event: StoredSideEvent | undefined; readonly place: SidePlace }> {
  const [lastShard, lastHour, lastKey] = after ?? ['', 0, ''];
  for (const { shardId, fromMs, toMs } of ranges) {
    if (shardId < lastShard) continue;
    const isLast = shardId === lastShard;
    const first = Math.floor(fromMs / hourMs) * hourMs;
    const begin = isLast ? Math.max(first, lastHour) : first;
    for (let day = Math.floor(begin / dayMs) * dayMs; day < toMs; day += daysAtOnce * dayMs) {
      const end = Math.min(toMs, day + daysAtOnce * dayMs);
      for (const [hour, partitions] of await heldPartitions(rejects, shardId, { fromMs: day, toMs: end })) {
        if (hour < begin || hour >= toMs) continue;
        const from = isLast && hour === lastHour && lastKey !== '' ? `${lastKey}\u0000` : '';
        const keys = partitions.map((partition) => partitionKey(shardId, hour, partition));
        for await (const { item, mark } of merged(rejects, keys, from)) {
          const event = storedSideEvent(item, mark);
          if (event.arrival >= fromMs && event.arrival < toMs) yield { event, place: [shardId, hour, item.sk] };
        }
      }
      yield { event: undefined, place: [shardId, Math.ceil(end / hourMs) * hourMs, ''] };
    }
  }
}

/** The partitions that hold anything, by hour, ascending. */
async function heldPartitions(
  rejects: Table,
  shardId: string,
  { fromMs, toMs }: ArrivalRange,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const days = Array.from({ length: Math.ceil((toMs - fromMs) / dayMs) }, (_, i) => fromMs + i * dayMs);
  const entries = await Promise.all(days.map((day) => rejects.query(directoryKey(shardId, day))));
  const held = new Map<number, string[]>();
  for (const { hour, partition } of entries.flat().map(parseDirectory))
    held.set(hour, [...(held.get(hour) ?? []), partition]);
  return held;
}

/** An event's item, with the one of what is decided about it. */
interface MarkedItem {
  readonly item: Item;
  readonly mark: Item | undefined;
}

/**
 * Items read at a time from all partitions of an hour, and the fewest from one. Each may be 400 KB, and a megabyte when
 * inflated, so that they are not all held at once.
 */
const itemsAtOnce = { all: 100, fewest: 25 } as const;

/** The events of some partitions, in the order of their sort keys, from one on. */
async function* merged(rejects: Table, partitions: readonly string[], from: string): AsyncGenerator<MarkedItem> {
  const pageItems = Math.max(itemsAtOnce.fewest, Math.floor(itemsAtOnce.all / partitions.length));
  const readers = partitions.map((pk) => eventsOf(rejects, pk, from, pageItems));
  const heads = await Promise.all(readers.map((reader) => nextOf(reader)));
  for (;;) {
    let least = -1;
    let head: MarkedItem | undefined;
    for (const [i, candidate] of heads.entries())
      if (candidate !== undefined && (head === undefined || candidate.item.sk < head.item.sk)) {
        head = candidate;
        least = i;
      }
    const reader = readers[least];
    if (head === undefined || reader === undefined) return;
    yield head;
    heads[least] = await nextOf(reader);
  }
}

async function nextOf(reader: AsyncGenerator<MarkedItem>): Promise<MarkedItem | undefined> {
  const { done, value } = await reader.next();
  return done === true ? undefined : value;
}

/** The events of a partition, from a sort key on. A mark whose event is gone is passed by. */
async function* eventsOf(rejects: Table, pk: string, begin: string, pageItems: number): AsyncGenerator<MarkedItem> {
  // A mark comes right behind its event, perhaps on the next page.
  let held: Item | undefined;
  for (let from = begin; ; ) {
    const items = await rejects.query(pk, from === '' ? { limit: pageItems } : { from, limit: pageItems });
    for (const item of items) {
      if (isMark(item)) {
        if (held !== undefined && item.sk === markSortKey(held.sk)) {
          yield { item: held, mark: item };
          held = undefined;
        }
        continue;
      }
      if (held !== undefined) yield { item: held, mark: undefined };
      held = item;
    }
    const last = items[pageItems - 1];
    if (last === undefined) break;
    from = `${last.sk}\u0000`;
  }
  if (held !== undefined) yield { item: held, mark: undefined };
}
