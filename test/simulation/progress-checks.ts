import {
  type Counters,
  type EventClass,
  eventClasses,
  type QueryCounters,
} from '../../functions/core/events/counters.ts';
import { type Item, numberOf, textOf } from '../../functions/state/table/table.ts';
import { gaveOnlyGarbage, type KnownEvent, type Ledger, recordsThrough } from './ledger.ts';
import { Violation } from './violation.ts';

/**
 * I1, at each commit of a shard: every event of the committed records is in exactly one class, and the counters grow by
 * exactly these events. Counted events are in a page; late and rejected ones are in the side output. I4: only events
 * that are late are recorded as late.
 */
export function checkProgress(
  ledger: Ledger,
  idleMs: number,
  nowMs: number,
  before: Item | undefined,
  after: Item,
): void {
  const shardId = after.sk;
  const shard = ledger.shards.find((candidate) => candidate.shardId === shardId);
  const committed = ledger.committed.get(shardId);
  if (shard === undefined || committed === undefined)
    throw new Violation('I1', `progress of ${shardId}, which is not a shard`);
  const through = recordsThrough(shard.records, textOf(after, 'sequenceNumber') ?? '');
  if (through <= committed.records)
    throw new Violation('I10', `${shardId} commits up to record ${through} after ${committed.records}`);
  if (gaveOnlyGarbage(committed, shard.createdAt, idleMs)) committed.garbageUntil = nowMs;
  const delta: Record<keyof Counters, number> = {
    received: 0,
    counted: 0,
    late: 0,
    duplicate: 0,
    rejected: 0,
    filtered: 0,
  };
  const pairs = new Map(ledger.pipeline.queries.map(({ name }) => [name, { counted: 0, late: 0, filtered: 0 }]));
  for (const record of shard.records.slice(committed.records, through)) {
    committed.lastArrival = record.arrival;
    for (const { id } of record.content) {
      const event = ledger.events.get(id);
      if (event === undefined) continue;
      delta.received++;
      delta[classOf(ledger, event)]++;
      if (event.garbage) continue;
      for (const [name, of] of pairs) {
        const outcome = pairOf(ledger, event, name);
        if (outcome !== undefined) of[outcome]++;
      }
      committed.acceptedArrival = record.arrival;
      committed.maxEventTime = Math.max(committed.maxEventTime ?? event.time, event.time);
    }
  }
  committed.records = through;
  for (const name of ['received', ...eventClasses] as const) {
    const [from, to] = [before, after].map(
      (item) => (item?.attributes['counters'] as Record<string, number> | undefined)?.[name] ?? 0,
    );
    if ((to ?? 0) - (from ?? 0) !== delta[name])
      throw new Violation('I1', `${shardId} commits ${(to ?? 0) - (from ?? 0)} ${name} and has ${delta[name]}`);
  }
  checkPairs(shardId, pairs, before, after);
  if (numberOf(after, 'maxEventTime') !== committed.maxEventTime)
    throw new Violation(
      'I7',
      `${shardId} says ${numberOf(after, 'maxEventTime')} is its greatest event time, and it is ${committed.maxEventTime}`,
    );
}

/**
 * I1 by query: its counters grow by the pairs of the records that are committed, each of which was counted, late or not
 * wanted.
 */
function checkPairs(
  shardId: string,
  pairs: ReadonlyMap<string, QueryCounters>,
  before: Item | undefined,
  after: Item,
): void {
  const of = (item: Item | undefined) =>
    (item?.attributes['queries'] ?? {}) as unknown as Readonly<Record<string, QueryCounters | undefined>>;
  for (const [query, delta] of pairs)
    for (const name of ['counted', 'late', 'filtered'] as const) {
      const grown = (of(after)[query]?.[name] ?? 0) - (of(before)[query]?.[name] ?? 0);
      if (grown !== delta[name])
        throw new Violation('I1', `${shardId} commits ${grown} ${name} for ${query} and has ${delta[name]}`);
    }
}

/** The outcome of a committed event for a query; undefined for a duplicate, which the query was not asked about. */
function pairOf(ledger: Ledger, event: KnownEvent, query: string): keyof QueryCounters | undefined {
  if (event.isDuplicate) return undefined;
  if (!event.wantedBy.some(({ name }) => name === query)) return 'filtered';
  return ledger.late.has(`${query}#${event.id}`) ? 'late' : 'counted';
}

function classOf(ledger: Ledger, event: KnownEvent): EventClass {
  if (event.garbage) {
    if (!ledger.rejected.has(event.id))
      throw new Violation('I1', `${event.id} is committed and not in the side output`);
    return 'rejected';
  }
  if (event.isDuplicate) return 'duplicate';
  let late = false;
  let counted = false;
  for (const query of event.wantedBy) {
    const place = ledger.placed.get(query.name)?.get(event.id);
    const isLate = ledger.late.has(`${query.name}#${event.id}`);
    if (place !== undefined && isLate) throw new Violation('I4', `${event.id} is counted by ${query.name} and late`);
    if (place === undefined && !isLate)
      throw new Violation('I1', `${event.id} is committed and for ${query.name} neither counted nor late`);
    if (isLate) {
      const last = Math.max(...query.window.closings(query.window.sliceOf(event.time)));
      if (last > ledger.horizon.closedThrough)
        throw new Violation('I4', `${event.id} is late for ${query.name}, whose window closes at ${last}`);
    }
    if (isLate) late = true;
    else counted = true;
  }
  return counted ? 'counted' : late ? 'late' : 'filtered';
}

/** Notes an item of the side output. */
export function noteSideOutput(ledger: Ledger, item: Item): void {
  const shardId = item.pk.slice(item.pk.indexOf('#') + 1);
  const [sequenceNumber, subRecord, query] = item.sk.split('#');
  const record = ledger.shards
    .find((shard) => shard.shardId === shardId)
    ?.records.find((candidate) => candidate.sequenceNumber === sequenceNumber);
  const event = record?.content[Number(subRecord)];
  if (event === undefined) throw new Violation('I1', `side output ${item.pk} / ${item.sk}: no such event`);
  if (query === undefined || query === '') {
    if (!event.garbage) throw new Violation('I1', `${event.id} is rejected: ${textOf(item, 'detail')}`);
    ledger.rejected.add(event.id);
    return;
  }
  if (ledger.events.get(event.id)?.isDuplicate)
    throw new Violation('I13', `${event.id} is put aside as late, and ${event.sentId} was sent before`);
  const place = ledger.placed.get(query)?.get(event.id);
  if (place !== undefined) throw new Violation('I4', `${event.id} is counted in ${place.page} and put aside as late`);
  ledger.late.add(`${query}#${event.id}`);
}
