import type { Counters, QueryCounters } from '../../core/events/counters.ts';
import { type Section, sectionsOf } from '../../core/log/section.ts';
import type { LogTotals } from '../../core/log/totals.ts';
import { unpack } from '../table/packed-text.ts';
import { type Attribute, type Attributes, type Item, type Key, numberOf, type Table, textOf } from '../table/table.ts';

/**
 * The kinds of entries: the join of a shard, what a batch added, the barrier of an epoch, the seal of a shard that is
 * drained and gathered, and a command in the operator's log.
 */
export type EntryKind = 'join' | 'batch' | 'barrier' | 'seal' | 'command';

/** An entry of a log, without its content. It is put only where none is, and never changes. */
export interface LogEntry {
  /** 1, 2, 3, ... without gaps. */
  readonly position: number;
  readonly kind: EntryKind;
  /** When it was put, epoch ms. */
  readonly putAt: number;
  readonly totals: LogTotals;
}

/** An entry as it was read, with the content of a batch as it is stored. */
export interface StoredEntry extends LogEntry {
  readonly item: Item;
}

/** The partition of a shard's log. */
export const logPartition = (shardId: string): string => `log#${shardId}`;

/** The sort key of a position. */
export const positionText = (position: number): string => String(position).padStart(12, '0');

/** The key of an entry. */
export const entryKey = (shardId: string, position: number): Key => ({
  pk: logPartition(shardId),
  sk: positionText(position),
});

/** The key of a part of an entry that does not fit an item, from 0. The id is of the attempt: attempts never mix. */
export const partKey = (shardId: string, attempt: string, part: number): Key => ({
  pk: `log-part#${shardId}#${attempt}`,
  sk: positionText(part),
});

/** The item of an entry. @param content of a batch: its sections and ids, or the parts that hold them */
export function itemOf(
  shardId: string,
  { position, kind, putAt, totals }: LogEntry,
  expiresAtSeconds: number,
  content: Attributes = {},
): Item {
  const { counters, queries, ...rest } = totals;
  return {
    ...entryKey(shardId, position),
    attributes: {
      kind,
      at: putAt,
      expiresAt: expiresAtSeconds,
      ...present({
        last: rest.sequenceNumber,
        epoch: rest.epoch,
        closed: Number.isFinite(rest.closedThrough) ? rest.closedThrough : undefined,
        barrier: rest.barrier,
        bytes: rest.bytes,
        fresh: rest.freshSince,
        oldest: rest.oldest,
        latest: rest.maxEventTime,
        accepted: rest.acceptedArrival,
        arrival: rest.lastArrival,
        clock: rest.arrivalClock,
        passedOver: rest.passedOver.length === 0 ? undefined : rest.passedOver,
      }),
      counters: classes.map((name) => counters[name]),
      pairs: Object.fromEntries(
        Object.entries(queries).map(([name, { counted, late, filtered }]) => [name, [counted, late, filtered]]),
      ),
      ...content,
    },
  };
}

/** The order of the counters in an entry. */
const classes = ['received', 'counted', 'late', 'duplicate', 'rejected', 'filtered'] as const;

/** The entry in an item. @throws when it is none of ours */
export function entryOf(item: Item): StoredEntry {
  const required = (name: string): number => {
    const value = numberOf(item, name);
    if (value === undefined) throw new Error(`log entry ${item.pk} / ${item.sk}: no ${name}`);
    return value;
  };
  // Written by itemOf above and by nobody else.
  const counters = item.attributes.counters as readonly number[];
  const pairs = (item.attributes.pairs ?? {}) as Readonly<Record<string, readonly number[]>>;
  return {
    position: Number(item.sk),
    kind: (textOf(item, 'kind') ?? 'batch') as EntryKind,
    putAt: required('at'),
    item,
    totals: {
      sequenceNumber: textOf(item, 'last'),
      maxEventTime: numberOf(item, 'latest'),
      acceptedArrival: numberOf(item, 'accepted'),
      lastArrival: numberOf(item, 'arrival'),
      arrivalClock: numberOf(item, 'clock'),
      counters: Object.fromEntries(classes.map((name, i) => [name, counters[i] ?? 0])) as unknown as Counters,
      queries: Object.fromEntries(
        Object.entries(pairs).map(([name, [counted = 0, late = 0, filtered = 0]]): [string, QueryCounters] => [
          name,
          { counted, late, filtered },
        ]),
      ),
      epoch: required('epoch'),
      closedThrough: numberOf(item, 'closed') ?? Number.NEGATIVE_INFINITY,
      barrier: required('barrier'),
      bytes: required('bytes'),
      freshSince: numberOf(item, 'fresh'),
      oldest: numberOf(item, 'oldest'),
      passedOver: (item.attributes.passedOver ?? []) as readonly string[],
    },
  };
}

/**
 * The sections of an entry; none of one that is not of a batch. One that is in parts may have several of a query, which
 * add up: as many blocks, and lists of late events that follow one another.
 * @throws when a part that it names is missing
 */
export async function sectionsIn(state: Table, shardId: string, entry: StoredEntry): Promise<readonly Section[]> {
  return (await itemsIn(state, shardId, entry)).flatMap(sectionsOfItem);
}

/** The ids that an entry added, as they are stored: first occurrences, packed (core/log/first-occurrences.ts). */
export interface EntryIds {
  readonly data: Uint8Array;
  /** When nothing needs them any more, epoch seconds. */
  readonly until: number;
}

/**
 * The ids that an entry added, in their order; none of one that a pipeline without deduplication put.
 * @throws when a part that it names is missing
 */
export async function idsIn(state: Table, shardId: string, entry: StoredEntry): Promise<readonly EntryIds[]> {
  return (await itemsIn(state, shardId, entry)).flatMap(idsOfItem);
}

/** {@link sectionsIn} and {@link idsIn} by one read. */
export async function contentIn(
  state: Table,
  shardId: string,
  entry: StoredEntry,
): Promise<{ readonly sections: readonly Section[]; readonly ids: readonly EntryIds[] }> {
  const items = await itemsIn(state, shardId, entry);
  return { sections: items.flatMap(sectionsOfItem), ids: items.flatMap(idsOfItem) };
}

/** The items that hold the content of an entry: it, or its parts. */
async function itemsIn(state: Table, shardId: string, { item }: StoredEntry): Promise<readonly Item[]> {
  const parts = numberOf(item, 'parts');
  if (parts === undefined) return [item];
  const held = await state.query(partKey(shardId, textOf(item, 'attempt') ?? '', 0).pk);
  if (held.length !== parts)
    throw new Error(`log entry ${item.pk} / ${item.sk}: ${held.length} of its ${parts} parts are there`);
  return held;
}

function sectionsOfItem(item: Item): readonly Section[] {
  return item.attributes.sections === undefined ? [] : sectionsOf(textIn(item, 'sections'));
}

function idsOfItem(item: Item): readonly EntryIds[] {
  const { ids } = item.attributes;
  if (ids === undefined) return [];
  const until = numberOf(item, 'idsUntil');
  if (!(ids instanceof Uint8Array) || until === undefined)
    throw new Error(`item ${item.pk} / ${item.sk}: unexpected ids`);
  return [{ data: ids, until }];
}

function textIn(item: Item, name: string): string {
  const data = item.attributes[name];
  if (typeof data === 'string' || data instanceof Uint8Array) return unpack(data);
  throw new Error(`item ${item.pk} / ${item.sk}: unexpected ${name}`);
}

function present(fields: Readonly<Record<string, Attribute | undefined>>): Attributes {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, Attribute] => field[1] !== undefined),
  );
}
