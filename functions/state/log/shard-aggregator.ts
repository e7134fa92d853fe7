import type { Lookups } from '../../core/definition/lookups.ts';
import type { Pipeline } from '../../core/definition/pipeline.ts';
import {
  addCounters,
  addQueryCounters,
  type Counters,
  noEvents,
  noPairs,
  type QueryCounters,
} from '../../core/events/counters.ts';
import { isAfter, type SequenceNumber } from '../../core/events/sequence-number.ts';
import type { DoubtNotes } from '../../core/fold/doubts.ts';
import { type EventReader, eventReader } from '../../core/fold/read-event.ts';
import type { StreamRecord } from '../../core/fold/stream-record.ts';
import type { LogTotals } from '../../core/log/totals.ts';
import { noteMissed } from '../items/definition.ts';
import { storedLookups } from '../lookups/stored-lookups.ts';
import type { Table } from '../table/table.ts';
import { type AgeGuard, ageGuard } from './age-guard.ts';
import { type AppendMemory, type AppendOptions, appendChunk } from './append-chunk.ts';
import { type ReadRecord, readRecords } from './chunk.ts';
import { deduplication } from './deduplication.ts';
import { followedLog } from './followed-log.ts';

/** The outcome of an invocation. */
export interface BatchReport {
  /** The counts of the records that this invocation put into the log. */
  readonly counters: Counters;
  /** The same in pairs of a record and a query, by name of the query. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
  /** The first record it had no time for; undefined when all are in. */
  readonly resumeAt: SequenceNumber | undefined;
  /** The shard's greatest event time, epoch ms. */
  readonly maxEventTime: number | undefined;
  /** The same, before the batch. */
  readonly maxEventTimeBefore: number | undefined;
  /** The age of the shard's oldest entry that no epoch has gathered, in ms, as the last chunk found it (age-guard.ts). */
  readonly ungatheredMs: number;
}

/**
 * Appends batches of one shard to its log, each record exactly once (DESIGN 4.1), and keeps what makes a warm container
 * cheap: in the steady state a batch takes one read, of nothing, and one write.
 */
export interface ShardAggregator {
  /**
   * @param remainingMs how much time is left; a chunk is started only while there is enough, but always the first
   * @throws whatever survives the retries of the table's client: the caller lets Lambda retry the batch, everything
   * here is idempotent
   * @throws TidemarkError when the log is lost, sealed before these records, or too far ahead of finalize
   */
  apply(records: readonly StreamRecord[], remainingMs: () => number): Promise<BatchReport>;
  /**
   * How many ids of events it remembers, at 24 to 48 bytes each: most of what it takes where a pipeline deduplicates.
   */
  readonly rememberedIds: number;
}

export interface ShardAggregatorOptions extends AppendOptions {
  /** Is told of the accepted events. @default nobody is */
  readonly doubts?: DoubtNotes;
  /**
   * The shards that this one was split or merged from, and theirs in turn: its ids start from theirs.
   * @default none
   */
  readonly ancestors?: () => Promise<readonly string[]>;
  /** The rows of the table that events are joined with; shards of a container share them. @default its own */
  readonly lookups?: Lookups;
}

/** A chunk is not started with less time than this, in ms. */
const chunkReserveMs = 10_000;

interface Warm extends AppendMemory {
  readonly guard: AgeGuard;
}

export function shardAggregator(options: ShardAggregatorOptions): ShardAggregator {
  let warm: Warm | undefined;
  const lookups = options.lookups ?? storedLookups(options.pipeline, options.state);
  return {
    async apply(records, remainingMs) {
      // Until this batch is through, nothing is remembered: a call that failed half-way may still be under way and must
      // not touch what the next one relies on.
      const known = warm;
      warm = undefined;
      const memory = known ?? (await startCold(options));
      if (known !== undefined) await known.log.follow();
      await catchUp(options, memory);
      const reader = await readerFor(options.pipeline, lookups, records);
      const report = await applyBatch(options, reader, memory, records, remainingMs);
      warm = memory;
      return report;
    },
    get rememberedIds() {
      return warm?.ids?.size ?? 0;
    },
  };
}

/**
 * Reads the records with the rows that held when each arrived; the rows are read after they have. Rows that are gone
 * end the batch: they would pass for a mistake of the events, and not in every attempt.
 */
async function readerFor(pipeline: Pipeline, lookups: Lookups, records: readonly StreamRecord[]): Promise<EventReader> {
  if (pipeline.lookupTable === undefined) return eventReader(pipeline);
  const arrivals = records.map(({ arrival }) => arrival);
  const rowsAt = await lookups.rowsAt(arrivals);
  for (const arrival of arrivals) rowsAt(arrival);
  return eventReader(pipeline, rowsAt);
}

async function startCold(options: ShardAggregatorOptions): Promise<Warm> {
  const { pipeline, state, shardId, now, ancestors = async () => [] } = options;
  return {
    log: await followedLog(state, shardId, now()),
    guard: ageGuard(state, shardId),
    ids: pipeline.dedup === undefined ? undefined : deduplication({ dedup: pipeline.dedup, state, shardId, ancestors }),
  };
}

/** After somebody else may have appended: takes in the ids of his records, and looks for gaps that he has left. */
async function catchUp({ pipeline, state }: ShardAggregatorOptions, { log, ids }: Warm): Promise<void> {
  const { totals } = log.tail;
  await Promise.all([noteGaps(state, pipeline, totals), ids?.follow(log.tail)]);
}

/**
 * The code that appended last counted for the queries that it knew, and for no others: a `from` behind that has a gap.
 */
async function noteGaps(
  state: Table,
  { queries }: Pipeline,
  { maxEventTime, queries: pairs, passedOver }: LogTotals,
): Promise<void> {
  if (maxEventTime === undefined) return;
  const missed = queries.filter(
    ({ name, from }) =>
      Number.isFinite(from) && maxEventTime >= from && (!Object.hasOwn(pairs, name) || passedOver.includes(name)),
  );
  await Promise.all(missed.map(({ name }) => noteMissed(state, name, maxEventTime)));
}

/** What a batch has put so far. */
interface Sum {
  counters: Counters;
  queries: Readonly<Record<string, QueryCounters>>;
}

async function applyBatch(
  options: ShardAggregatorOptions,
  reader: EventReader,
  memory: Warm,
  records: readonly StreamRecord[],
  remainingMs: () => number,
): Promise<BatchReport> {
  const { pipeline, now, doubts } = options;
  const { log, guard, ids } = memory;
  const { maxEventTime: maxEventTimeBefore } = log.tail.totals;
  const sum: Sum = {
    counters: noEvents,
    queries: Object.fromEntries(pipeline.queries.map(({ name }) => [name, noPairs])),
  };
  let resumeAt: SequenceNumber | undefined;
  let ungatheredMs = 0;
  for (let at = 0, chunks = 0; ; chunks++) {
    while (at < records.length && !isAfter(records[at]?.sequenceNumber ?? '', log.tail.totals.sequenceNumber)) at++;
    const next = records[at];
    if (next === undefined) break;
    if (chunks > 0 && remainingMs() < chunkReserveMs) {
      resumeAt = next.sequenceNumber;
      break;
    }
    ungatheredMs = await guard.check(log.tail.totals, now());
    const read = readRecords({ reader, ids }, records, at);
    if (doubts !== undefined) noteDoubts(doubts, read);
    const end = await appendRead(options, memory, read, remainingMs, sum);
    if (end.outcome === 'appended') at += read.length;
    if (end.outcome === 'overtaken') await catchUp(options, memory);
    if (end.outcome === 'outOfTime') {
      // What lies behind is judged already: it is read again by the next call, which begins with the ids as stored.
      resumeAt = end.resumeAt;
      break;
    }
  }
  const { maxEventTime } = log.tail.totals;
  return { ...sum, resumeAt, maxEventTime, maxEventTimeBefore, ungatheredMs };
}

/** How {@link appendRead} ended. */
type AppendedRead =
  | { readonly outcome: 'appended' | 'overtaken' }
  | { readonly outcome: 'outOfTime'; readonly resumeAt: SequenceNumber };

/**
 * Appends records as one entry, or as several when they do not fit one: as often halved as it takes.
 * @param sum is added to
 * @returns 'overtaken' when somebody else has appended meanwhile
 */
async function appendRead(
  options: ShardAggregatorOptions,
  memory: Warm,
  read: readonly ReadRecord[],
  remainingMs: () => number,
  sum: Sum,
): Promise<AppendedRead> {
  let size = read.length;
  for (let at = 0; at < read.length; ) {
    const some = at === 0 && size === read.length ? read : read.slice(at, at + size);
    const first = some[0];
    if (at > 0 && first !== undefined && remainingMs() < chunkReserveMs)
      return { outcome: 'outOfTime', resumeAt: first.record.sequenceNumber };
    const appended = await appendChunk(options, memory, some);
    if (appended.outcome === 'overtaken') return { outcome: 'overtaken' };
    if (appended.outcome === 'tooLarge') {
      size = Math.max(1, Math.floor(some.length / 2 ** Math.max(1, Math.ceil(Math.log2(appended.times)))));
      continue;
    }
    const { counters, queries, sequenceNumber } = appended.chunk.added;
    sum.counters = addCounters(sum.counters, counters);
    sum.queries = Object.fromEntries(
      Object.entries(sum.queries).map(([name, pairs]) => [name, addQueryCounters(pairs, queries[name] ?? noPairs)]),
    );
    // It was put, and by the time that this was known somebody else had appended more.
    if (memory.log.tail.totals.sequenceNumber !== sequenceNumber) return { outcome: 'overtaken' };
    at += some.length;
  }
  return { outcome: 'appended' };
}

function noteDoubts(doubts: DoubtNotes, records: readonly ReadRecord[]): void {
  for (const { events } of records)
    for (const read of events) if (read.outcome === 'accepted') doubts.note(read.event, read.time);
}
