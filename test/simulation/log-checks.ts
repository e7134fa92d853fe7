import type { Query } from '../../functions/core/definition/pipeline.ts';
import { type Counters, noEvents, type QueryCounters } from '../../functions/core/events/counters.ts';
import { decodeBlock } from '../../functions/core/log/block.ts';
import { type Section, sectionsOf } from '../../functions/core/log/section.ts';
import { lastClosing } from '../../functions/core/windows/window.ts';
import { isSideEvent } from '../../functions/state/items/side-event.ts';
import { parseEventKey } from '../../functions/state/items/side-place.ts';
import { entryOf, partKey, type StoredEntry } from '../../functions/state/log/entry.ts';
import { unpack } from '../../functions/state/table/packed-text.ts';
import { type Item, numberOf, textOf } from '../../functions/state/table/table.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';
import {
  closedThroughAt,
  gaveOnlyGarbage,
  type KnownEntry,
  type KnownEvent,
  type Ledger,
  queryOf,
  recordsThrough,
} from './ledger.ts';
import { contentText } from './stored-content.ts';
import { Violation } from './violation.ts';
import type { SimulatedShard } from './workload.ts';

/**
 * Every entry of a log, when it is put. I10: positions have no gaps, an entry never changes, its epoch and its C are
 * not below those before it. I5: it holds the records behind those before it, each once. I4: a pair is late exactly
 * when its last closing is at or below the C before it. I1: the totals grow by exactly its events.
 */
export function checkEntry(
  ledger: Ledger,
  state: ItemStore,
  nowMs: number,
  before: Item | undefined,
  after: Item,
): void {
  const shardId = after.pk.slice('log#'.length);
  const name = `entry ${shardId}/${Number(after.sk)}`;
  const [shard, log] = [ledger.shards.find((candidate) => candidate.shardId === shardId), ledger.logs.get(shardId)];
  if (shard === undefined || log === undefined) throw new Violation('I10', `${name} is of no shard`);
  const entry = entryOf(after);
  if (before !== undefined) {
    if (contentText(before) !== contentText(after)) throw new Violation('I10', `${name} changes`);
    return;
  }
  const last = log.at(-1);
  if (entry.position !== (last?.position ?? 0) + 1)
    throw new Violation('I10', `${name} follows position ${last?.position ?? 0}`);
  if (!ledger.registered.has(shardId)) throw new Violation('I15', `${name} is in a log that is not registered`);
  checkEpoch(ledger, name, last, entry);
  const known =
    last === undefined ? joined(ledger, name, entry) : following(ledger, state, { shard, name, last, entry });
  log.push({ ...known, content: contentText(after) });
  if (entry.kind === 'batch') noteCommitted(ledger, shard, known.records, nowMs);
  checkOldest(ledger, name, log);
}

type Known = Omit<KnownEntry, 'content'>;

function checkEpoch(ledger: Ledger, name: string, last: KnownEntry | undefined, { kind, totals }: StoredEntry): void {
  const { epoch, closedThrough } = totals;
  const below = last?.totals.epoch ?? 0;
  if (epoch < below) throw new Violation('I10', `${name} has epoch ${epoch} behind epoch ${below}`);
  if (epoch > ledger.epochs.length) throw new Violation('I15', `${name} has epoch ${epoch}, which nobody has elected`);
  if (closedThrough !== closedThroughAt(ledger, epoch))
    throw new Violation('I15', `${name} says that epoch ${epoch} is closed through ${closedThrough}`);
  if (kind === 'batch' && epoch !== below) throw new Violation('I10', `${name} is of a batch and changes the epoch`);
  if (kind === 'barrier' && epoch !== below + 1)
    throw new Violation('I15', `${name} is the barrier of epoch ${epoch} behind epoch ${below}`);
}

/** I15: a log begins at an epoch that no plan has left behind: what comes to it is gathered by an epoch to come. */
function joined(ledger: Ledger, name: string, { position, kind, putAt, totals }: StoredEntry): Known {
  if (kind !== 'join') throw new Violation('I10', `${name} is a ${kind} and the first of its log`);
  const planned = Math.max(0, ...ledger.plans.keys());
  if (totals.epoch < planned)
    throw new Violation('I15', `${name} joins at epoch ${totals.epoch}, and epoch ${planned} has its plan`);
  return { position, kind, putAt, totals, records: 0 };
}

interface Following {
  readonly shard: SimulatedShard;
  readonly name: string;
  readonly last: KnownEntry;
  readonly entry: StoredEntry;
}

function following(ledger: Ledger, state: ItemStore, step: Following): Known {
  const { shard, name, last, entry } = step;
  const { position, kind, putAt, totals } = entry;
  if (kind === 'join') throw new Violation('I10', `${name} is a second join`);
  if (last.kind === 'seal') throw new Violation('I10', `${name} is behind the seal`);
  if (state.get({ pk: 'registrations', sk: shard.shardId })?.attributes['joined'] !== true)
    throw new Violation('I15', `${name} is put, and the log is not marked as joined`);
  const known = { position, kind, putAt, totals, records: last.records };
  if (kind === 'batch') {
    const records = recordsThrough(shard.records, totals.sequenceNumber ?? '');
    if (records <= last.records)
      throw new Violation('I5', `${name} goes to record ${records} (${totals.sequenceNumber}) after ${last.records}`);
    checkBatch(ledger, state, step, records);
    return { ...known, records };
  }
  const copied = (of: KnownEntry['totals']) => {
    const { epoch, closedThrough, barrier, bytes, freshSince, oldest, ...rest } = of;
    return JSON.stringify(rest);
  };
  if (copied(totals) !== copied(last.totals)) throw new Violation('I1', `${name} is a ${kind} and changes the totals`);
  if (kind === 'seal') checkSeal(ledger, step);
  return known;
}

/** I15: a log is sealed when its shard is drained and all that is in it is gathered. */
function checkSeal(ledger: Ledger, { shard, name, last }: Following): void {
  if (last.records < shard.records.length || shard.closedAt === undefined)
    throw new Violation('I15', `${name} is a seal, and ${shard.records.length - last.records} records may still come`);
  if (last.kind === 'batch') throw new Violation('I15', `${name} is a seal behind a batch`);
  if (last.totals.epoch > ledger.gathered.epoch)
    throw new Violation('I15', `${name} is a seal, and epoch ${last.totals.epoch} is not gathered`);
}

/** The events of a batch, classified by the oracle with the C before it, against its sections and its totals. */
function checkBatch(ledger: Ledger, state: ItemStore, { shard, name, last, entry }: Following, records: number): void {
  const first = last.totals.counters.received;
  const events = shard.records.slice(last.records, records).flatMap(({ content }) => content);
  const counters: Record<keyof Counters, number> = { ...noEvents };
  const pairs = new Map(
    ledger.pipeline.queries.map(({ name: query }) => [query, { counted: 0, late: 0, filtered: 0 }]),
  );
  const counted = new Map<string, Map<number, KnownEvent[]>>();
  const late = new Map<string, number[]>();
  for (const [i, { id }] of events.entries()) {
    const event = ledger.events.get(id);
    if (event === undefined) continue;
    const refusing = event.wantedBy.filter(
      ({ window }) => lastClosing(window, window.sliceOf(event.time)) <= last.totals.closedThrough,
    );
    counters.received++;
    counters[classOf(event, refusing)]++;
    if (event.garbage && !ledger.rejected.has(id))
      throw new Violation('I1', `${name} rejects ${id}, which is not in the side output`);
    if (event.garbage || event.isDuplicate) continue;
    for (const [query, of] of pairs) {
      const wanted = event.wantedBy.find((candidate) => candidate.name === query);
      if (wanted === undefined) of.filtered++;
      else if (refusing.includes(wanted)) {
        of.late++;
        listIn(late, query).push(first + i);
        if (!ledger.aside.has(`${query}#${id}`))
          throw new Violation('I1', `${name} has ${id} late for ${query}, which is not in the side output`);
        ledger.late.add(`${query}#${id}`);
      } else {
        of.counted++;
        const slices = counted.get(query) ?? new Map<number, KnownEvent[]>();
        counted.set(query, slices);
        listIn(slices, wanted.window.sliceOf(event.time)).push(event);
      }
    }
  }
  checkCounters(name, last, entry, counters, pairs);
  checkSections(ledger, name, sectionsIn(state, shard.shardId, entry), counted, late);
  for (const [query, slices] of counted)
    for (const [slice, of] of slices) place(ledger, { query, slice, epoch: last.totals.epoch, entry: name }, of);
}

function classOf(event: KnownEvent, refusing: readonly Query[]): Exclude<keyof Counters, 'received'> {
  if (event.garbage) return 'rejected';
  if (event.isDuplicate) return 'duplicate';
  if (event.wantedBy.length === 0) return 'filtered';
  return refusing.length === event.wantedBy.length ? 'late' : 'counted';
}

function checkCounters(
  name: string,
  { totals: before }: KnownEntry,
  { totals: after }: StoredEntry,
  counters: Counters,
  pairs: ReadonlyMap<string, QueryCounters>,
): void {
  for (const of of Object.keys(counters) as (keyof Counters)[]) {
    const grown = after.counters[of] - before.counters[of];
    if (grown !== counters[of]) throw new Violation('I1', `${name} adds ${grown} ${of} and has ${counters[of]}`);
  }
  for (const [query, own] of pairs)
    for (const of of ['counted', 'late', 'filtered'] as const) {
      const grown = (after.queries[query]?.[of] ?? 0) - (before.queries[query]?.[of] ?? 0);
      if (grown !== own[of]) throw new Violation('I1', `${name} adds ${grown} ${of} for ${query} and has ${own[of]}`);
    }
}

/** The sections of an entry. I10: the parts that it names are there. */
function sectionsIn(state: ItemStore, shardId: string, { item }: StoredEntry): readonly Section[] {
  const parts = numberOf(item, 'parts');
  const held = parts === undefined ? [item] : state.query(partKey(shardId, textOf(item, 'attempt') ?? '', 0).pk);
  if (parts !== undefined && held.length !== parts)
    throw new Violation('I10', `entry ${item.pk}/${item.sk} names ${parts} parts, and ${held.length} are there`);
  return held.flatMap(({ attributes: { sections } }) =>
    sectionsOf(sections === undefined ? '{}' : unpack(sections as string | Uint8Array)),
  );
}

/** I4 and I5: the sections hold exactly what is counted and what is late, each key and slice in its place. */
function checkSections(
  ledger: Ledger,
  name: string,
  sections: readonly Section[],
  counted: ReadonlyMap<string, ReadonlyMap<number, readonly KnownEvent[]>>,
  late: ReadonlyMap<string, readonly number[]>,
): void {
  const found = new Map<string, Map<number, BlockContent>>();
  const lateFound = new Map<string, number[]>();
  for (const section of sections) {
    const query = queryOf(ledger, section.query);
    listIn(lateFound, query.name).push(...section.late);
    const slices = found.get(query.name) ?? new Map<number, BlockContent>();
    found.set(query.name, slices);
    for (const content of contentsOf(query, section.block)) {
      const { slice } = content;
      const before = slices.get(slice);
      slices.set(slice, before === undefined ? content : together(before, content));
    }
  }
  for (const query of ledger.pipeline.queries) {
    const [held, own] = [found.get(query.name), counted.get(query.name)];
    for (const slice of new Set([...(held?.keys() ?? []), ...(own?.keys() ?? [])]))
      checkContent(ledger, query, `${name}, slice ${slice}`, held?.get(slice), own?.get(slice) ?? [], 'I4');
    const [lateHeld, lateOwn] = [lateFound.get(query.name) ?? [], late.get(query.name) ?? []];
    if (lateHeld.join() !== lateOwn.join())
      throw new Violation('I4', `${name} has ${lateHeld.join() || 'none'} late for ${query.name}, and not ${lateOwn}`);
  }
}

/** The content of a block, or of several, for one slice. */
export interface BlockContent {
  readonly slice: number;
  readonly records: number;
  /** The ids of each row, with its key and its count. */
  readonly rows: readonly { readonly key: string; readonly ids: readonly string[]; readonly count: unknown }[];
}

/** Two contents of one slice as one. */
export function together(left: BlockContent, right: BlockContent): BlockContent {
  return { slice: left.slice, records: left.records + right.records, rows: [...left.rows, ...right.rows] };
}

/** The contents of a block by slice. */
export function contentsOf(query: Query, block: Section['block']): readonly BlockContent[] {
  const [ids, count] = ['ids', 'count'].map((name) => query.aggregateNames.indexOf(name));
  return decodeBlock(query, block).map(({ slice, records, partials }) => ({
    slice,
    records,
    rows: partials.map(([key, partial]) => ({
      key,
      ids: partial[ids ?? -1] as readonly string[],
      count: query.aggregates[count ?? -1]?.result(partial[count ?? -1] as never),
    })),
  }));
}

/** A content holds exactly some events, each once and under its key, and says how many. */
export function checkContent(
  ledger: Ledger,
  query: Query,
  name: string,
  content: BlockContent | undefined,
  events: readonly { readonly id: string }[],
  invariant: 'I4' | 'I16',
): void {
  const expected = new Set(events.map(({ id }) => id));
  const seen = new Set<string>();
  for (const { key, ids, count } of content?.rows ?? []) {
    if (count !== ids.length)
      throw new Violation(invariant, `${name} of ${query.name} counts ${String(count)} for ${key} with ${ids.length}`);
    for (const id of ids) {
      const event = ledger.events.get(id) as Readonly<Record<string, unknown>> | undefined;
      if (!expected.has(id))
        throw new Violation(invariant, `${name} of ${query.name} holds ${id}, which does not belong there`);
      if (seen.has(id)) throw new Violation('I5', `${name} of ${query.name} holds ${id} twice`);
      if (JSON.stringify(query.groupBy.map((field) => event?.[field] ?? null)) !== key)
        throw new Violation(invariant, `${name} of ${query.name} holds ${id} under ${key}`);
      seen.add(id);
    }
  }
  const missing = [...expected].filter((id) => !seen.has(id));
  if (missing.length > 0) throw new Violation(invariant, `${name} of ${query.name} lacks ${missing.join(' ')}`);
  if ((content?.records ?? 0) !== seen.size)
    throw new Violation(invariant, `${name} of ${query.name} says ${content?.records} records and holds ${seen.size}`);
}

function place(
  ledger: Ledger,
  { query, ...at }: { readonly query: string; readonly slice: number; readonly epoch: number; readonly entry: string },
  events: readonly KnownEvent[],
): void {
  const placed = ledger.placed.get(query);
  const slices = ledger.counted.get(query);
  const epochs = slices?.get(at.slice) ?? new Map<number, Set<string>>();
  slices?.set(at.slice, epochs);
  const ids = epochs.get(at.epoch) ?? new Set();
  epochs.set(at.epoch, ids);
  for (const { id } of events) {
    const other = placed?.get(id);
    if (other !== undefined) throw new Violation('I5', `${id} is counted in ${other.entry} and in ${at.entry}`);
    placed?.set(id, at);
    ids.add(id);
  }
}

/** I7: the entry says how far its shard has come. */
function noteCommitted(ledger: Ledger, shard: SimulatedShard, through: number, nowMs: number): void {
  const committed = ledger.committed.get(shard.shardId);
  const totals = ledger.logs.get(shard.shardId)?.at(-1)?.totals;
  if (committed === undefined || totals === undefined) return;
  if (gaveOnlyGarbage(committed, shard.createdAt, ledger.options.idleMs)) committed.garbageUntil = nowMs;
  for (const { arrival, content } of shard.records.slice(committed.records, through)) {
    committed.lastArrival = arrival;
    for (const { time, garbage } of content) {
      if (garbage) continue;
      committed.acceptedArrival = arrival;
      committed.maxEventTime = Math.max(committed.maxEventTime ?? time, time);
    }
  }
  committed.records = through;
  for (const name of ['maxEventTime', 'acceptedArrival', 'lastArrival'] as const)
    if (totals[name] !== committed[name])
      throw new Violation('I7', `${shard.shardId} says ${name} ${totals[name]}, and it is ${committed[name]}`);
}

/**
 * I18: an entry says where the barrier before it is, and a lower bound of when the oldest entry was put that is not
 * gathered: by it, a shard stops before such an entry can expire.
 */
function checkOldest({ gathered }: Ledger, name: string, log: readonly KnownEntry[]): void {
  const own = log.at(-1);
  if (own === undefined) return;
  const { barrier, freshSince, oldest } = own.totals;
  const cut = log.findLast(({ kind }) => kind === 'barrier' || kind === 'join');
  if (barrier !== cut?.position) throw new Violation('I15', `${name} says that the barrier before it is at ${barrier}`);
  const first = log.find(({ kind, totals }) => kind === 'batch' && totals.epoch >= gathered.epoch);
  if (first !== undefined && first.putAt < Math.min(freshSince ?? Infinity, oldest ?? Infinity))
    throw new Violation('I18', `${name} forgets entry ${first.position}, which is not gathered`);
}

/** I15: a log is registered before it begins, and stays; the totals of a seal are those of its log. */
export function checkRegistration(ledger: Ledger, before: Item | undefined, after: Item): void {
  ledger.registered.add(after.sk);
  const log = ledger.logs.get(after.sk);
  if (log === undefined) throw new Violation('I15', `registration of ${after.sk}, which is not a shard`);
  if (after.attributes['joined'] === true && log.length === 0)
    throw new Violation('I15', `${after.sk} is marked as joined before its log begins`);
  const [from, to] = [before, after].map((item) => item?.attributes['sealed']);
  if (from !== undefined && JSON.stringify(from) !== JSON.stringify(to))
    throw new Violation('I15', `the seal of ${after.sk} changes`);
  if (from !== undefined || to === undefined) return;
  const last = log.at(-1);
  if (last?.kind !== 'seal') throw new Violation('I15', `${after.sk} is noted as sealed, and its log goes on`);
  const noted = entryOf({ ...after, sk: String(last.position), attributes: to as Item['attributes'] });
  if (JSON.stringify(noted.totals) !== JSON.stringify(last.totals))
    throw new Violation('I15', `the totals of ${after.sk} do not survive its seal`);
}

/** Notes an item of the side output. I4: what is put aside as late is not counted; I13: nor is it a duplicate. */
export function noteSideOutput(ledger: Ledger, item: Item): void {
  if (!isSideEvent(item)) return;
  const { shardId, sequenceNumber, subRecord, query } = parseEventKey(item);
  const record = ledger.shards
    .find((shard) => shard.shardId === shardId)
    ?.records.find((candidate) => candidate.sequenceNumber === sequenceNumber);
  const event = record?.content[subRecord];
  if (event === undefined) throw new Violation('I1', `side output ${item.pk} / ${item.sk}: no such event`);
  if (query === undefined) {
    if (!event.garbage) throw new Violation('I1', `${event.id} is rejected: ${textOf(item, 'detail')}`);
    ledger.rejected.add(event.id);
    return;
  }
  if (ledger.events.get(event.id)?.isDuplicate)
    throw new Violation('I13', `${event.id} is put aside as late, and ${event.sentId} was sent before`);
  const placed = ledger.placed.get(query)?.get(event.id);
  if (placed !== undefined)
    throw new Violation('I4', `${event.id} is counted in ${placed.entry} and put aside as late`);
  ledger.aside.add(`${query}#${event.id}`);
}

function listIn<K, T>(lists: Map<K, T[]>, key: K): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
