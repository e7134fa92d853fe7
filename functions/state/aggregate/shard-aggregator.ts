import pLimit from 'p-limit';
import type { Lookups } from '../../core/definition/lookups.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
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
import { nextPageCount, pageCountFor } from '../../core/fold/page-hash.ts';
import { type EventReader, eventReader } from '../../core/fold/read-event.ts';
import type { StreamRecord } from '../../core/fold/stream-record.ts';
import { noteMissed } from '../items/definition.ts';
import { type BucketSize, commitProgress, pairsOf, readProgress, type ShardProgress } from '../items/progress.ts';
import { type ShardSideEvent, writeSideOutput } from '../items/side-output.ts';
import { storedLookups } from '../lookups/stored-lookups.ts';
import type { Table } from '../table/table.ts';
import { type ReadChunk, readChunk, sideEvent } from './chunk.ts';
import { type Deduplication, deduplication } from './deduplication.ts';
import { freshHorizon } from './fresh-horizon.ts';
import { type SliceOutcome, type SliceWriter, sliceWriter } from './slice-writer.ts';

/** The outcome of an invocation. */
export interface BatchReport {
  /** The counts of the records that this invocation committed. */
  readonly counters: Counters;
  /** The same in pairs of a record and a query, by name of the query. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
  /** The first record it had no time for; undefined when all are committed. */
  readonly resumeAt: SequenceNumber | undefined;
  /** The shard's greatest event time, epoch ms. */
  readonly maxEventTime: number | undefined;
  /** The same, before the batch. */
  readonly maxEventTimeBefore: number | undefined;
}

/**
 * Applies batches of one shard exactly once (DESIGN 4.1), and keeps what makes a warm container cheap: in the steady
 * state one small read, of the progress.
 */
export interface ShardAggregator {
  /**
   * @param remainingMs how much time is left; a chunk is started only while there is enough, but always the first
   * @throws whatever survives the retries of the table's client: the caller lets Lambda retry the batch, everything
   * here is idempotent
   */
  apply(records: readonly StreamRecord[], remainingMs: () => number): Promise<BatchReport>;
  /**
   * How many ids of events it remembers, at 24 to 48 bytes each: most of what it takes where a pipeline deduplicates.
   */
  readonly rememberedIds: number;
}

export interface ShardAggregatorOptions {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly rejects: Table;
  readonly shardId: string;
  /** Is told of the accepted events. @default nobody is */
  readonly doubts?: DoubtNotes;
  /**
   * The shards that this one was split or merged from, and theirs in turn: a log of ids starts from theirs.
   * @default none
   */
  readonly ancestors?: () => Promise<readonly string[]>;
  /** The rows of the table that events are joined with; shards of a container share them. @default its own */
  readonly lookups?: Lookups;
}

/** Calls to the tables under way at a time. */
const concurrency = 32;

/** A chunk is not started with less time than this, in ms. */
const chunkReserveMs = 10_000;

/** Bytes that are reckoned for a key of a query's very first bucket. */
const bytesPerExpectedKey = 8;

interface Warm {
  progress: ShardProgress;
  readonly writer: SliceWriter;
  /** Undefined: the pipeline does not deduplicate. */
  readonly ids: Deduplication | undefined;
}

export function shardAggregator(options: ShardAggregatorOptions): ShardAggregator {
  let warm: Warm | undefined;
  const lookups = options.lookups ?? storedLookups(options.pipeline, options.state);
  return {
    async apply(records, remainingMs) {
      // Until this batch is through, nothing is remembered: a call that failed half-way may still be under way and must
      // not touch what the next one relies on.
      const memory = warm === undefined ? await startCold(options) : await refreshed(options, warm);
      warm = undefined;
      const reader = await readerFor(options.pipeline, lookups, records);
      const report = await applyBatch({ ...options, reader }, memory, records, remainingMs);
      memory.writer.trim();
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

/**
 * Batches of a shard go round the containers, so what a warm one remembers may be old. One read of the progress, at a
 * tenth of the price of a write, tells: it is cheaper than pages written on a stale condition and then read and written
 * again.
 */
async function refreshed(options: ShardAggregatorOptions, memory: Warm): Promise<Warm> {
  const progress = await checkedProgress(options);
  if (progress.sequenceNumber !== memory.progress.sequenceNumber) memory.writer.forgetCopies();
  await memory.ids?.follow(progress);
  memory.progress = progress;
  return memory;
}

/**
 * The progress; whoever committed last counted for the queries that have counters in it, and for no others: a `from`
 * behind that has a gap.
 */
async function checkedProgress({ pipeline, state, shardId }: ShardAggregatorOptions): Promise<ShardProgress> {
  const progress = await readProgress(state, shardId);
  const { maxEventTime, queries } = progress;
  if (maxEventTime === undefined) return progress;
  const missed = pipeline.queries.filter(
    ({ name, from }) => Number.isFinite(from) && maxEventTime >= from && !Object.hasOwn(queries, name),
  );
  await Promise.all(missed.map(({ name }) => noteMissed(state, name, maxEventTime)));
  return progress;
}

async function startCold(options: ShardAggregatorOptions): Promise<Warm> {
  const { pipeline, state, shardId, ancestors = async () => [] } = options;
  const horizon = freshHorizon(state);
  const [progress] = await Promise.all([checkedProgress(options), horizon.read()]);
  const memory: Warm = {
    progress,
    ids: pipeline.dedup === undefined ? undefined : deduplication({ dedup: pipeline.dedup, state, shardId, ancestors }),
    writer: sliceWriter({
      state,
      shardId,
      horizon,
      limit: pLimit(concurrency),
      firstCount: (query) => {
        const size = memory.progress.sizes[query.name];
        return size === undefined ? pageCountFor(query.expectedKeys * bytesPerExpectedKey) : nextPageCount(size);
      },
      isBeyond: (query, slice) => slice > (memory.progress.sizes[query.name]?.slice ?? Number.NEGATIVE_INFINITY),
    }),
  };
  await memory.ids?.follow(progress);
  return memory;
}

async function applyBatch(
  options: ShardAggregatorOptions & { readonly reader: EventReader },
  memory: Warm,
  records: readonly StreamRecord[],
  remainingMs: () => number,
): Promise<BatchReport> {
  let counters = noEvents;
  let queries = pairsOfAll(options.pipeline, () => noPairs);
  const { maxEventTime: maxEventTimeBefore } = memory.progress;
  let at = 0;
  let started = false;
  let resumeAt: SequenceNumber | undefined;
  for (;;) {
    while (at < records.length && !isAfter(records[at]?.sequenceNumber ?? '', memory.progress.sequenceNumber)) at++;
    const next = records[at];
    if (next === undefined) break;
    if (started && remainingMs() < chunkReserveMs) {
      resumeAt = next.sequenceNumber;
      break;
    }
    started = true;
    const chunk = readChunk(
      {
        pipeline: options.pipeline,
        reader: options.reader,
        pageCount: memory.writer.expectedCount,
        isDuplicate: memory.ids?.isDuplicate,
      },
      records,
      at,
    );
    if (options.doubts !== undefined) for (const { event, time } of chunk.accepted) options.doubts.note(event, time);
    const { progress, counters: chunkCounters, queries: chunkPairs } = await applyChunk(options, memory, chunk);
    if ((await commitProgress(options.state, options.shardId, memory.progress, progress)) === 'applied') {
      counters = addCounters(counters, chunkCounters);
      const before = queries;
      queries = pairsOfAll(options.pipeline, ({ name }) =>
        addQueryCounters(before[name] ?? noPairs, chunkPairs[name] ?? noPairs),
      );
      memory.progress = progress;
      memory.ids?.committed(progress);
    } else {
      // Somebody else has committed, an earlier attempt perhaps: what is left after that is computed again.
      await refreshed(options, memory);
    }
  }
  return { counters, queries, resumeAt, maxEventTime: memory.progress.maxEventTime, maxEventTimeBefore };
}

/**
 * Steps 1, 3 and 4 of the protocol for one chunk, up to its commit. Returns what it counted and the progress to commit.
 */
async function applyChunk({ pipeline, rejects, shardId }: ShardAggregatorOptions, memory: Warm, chunk: ReadChunk) {
  const first = chunk.records[0];
  const last = chunk.records[chunk.records.length - 1];
  if (first === undefined || last === undefined) throw new Error('an empty chunk');
  const context = {
    firstSequenceNumber: first.sequenceNumber,
    lastSequenceNumber: last.sequenceNumber,
    events: chunk.accepted,
  };
  const [outcomes] = await Promise.all([
    Promise.all(
      chunk.slices.map(async (slice) => ({ query: slice.query, ...(await memory.writer.apply(slice, context)) })),
    ),
    writeSideOutput(rejects, shardId, chunk.rejected),
    memory.ids?.append(last.sequenceNumber),
  ]);
  await writeSideOutput(
    rejects,
    shardId,
    outcomes.flatMap((outcome) => lateEvents(chunk, outcome)),
  );
  const counters = countersOf(chunk, outcomes);
  const queries = pairsOfAll(pipeline, (query) => pairsIn(chunk, query, outcomes));
  return { counters, queries, progress: nextProgress(pipeline, memory, chunk, { counters, queries, last }) };
}

type QueryOutcome = SliceOutcome & { readonly query: Query };

function lateEvents(chunk: ReadChunk, { query, late }: QueryOutcome): ShardSideEvent[] {
  return late.flatMap((at) => {
    const event = chunk.accepted[at];
    if (event === undefined) return [];
    const { time } = event;
    const detail = `query ${query.name}: event time ${time}, its window was closed`;
    return [sideEvent(event.record, event.raw, { reason: 'late', detail, query: query.name, eventTime: time })];
  });
}

function nextProgress(
  pipeline: Pipeline,
  memory: Warm,
  chunk: ReadChunk,
  {
    counters,
    queries,
    last,
  }: Pick<BatchReport, 'counters' | 'queries'> & {
    readonly last: StreamRecord;
  },
): ShardProgress {
  const { progress } = memory;
  let maxEventTime = progress.maxEventTime;
  for (const { time } of chunk.accepted) if (maxEventTime === undefined || time > maxEventTime) maxEventTime = time;
  return {
    sequenceNumber: last.sequenceNumber,
    maxEventTime,
    acceptedArrival: chunk.accepted[chunk.accepted.length - 1]?.record.arrival ?? progress.acceptedArrival,
    lastArrival: last.arrival,
    arrivalClock: memory.ids?.clockMs,
    counters: addCounters(progress.counters, counters),
    queries: pairsOfAll(pipeline, ({ name }) => addQueryCounters(pairsOf(progress, name), queries[name] ?? noPairs)),
    sizes: { ...progress.sizes, ...sizesAfter(memory, chunk) },
  };
}

/**
 * Each event in the first class that holds: rejected, duplicate, counted by any query, late for all that want it,
 * filtered (DESIGN section 2).
 */
function countersOf(chunk: ReadChunk, outcomes: readonly QueryOutcome[]): Counters {
  const classified = new Uint8Array(chunk.accepted.length);
  const firstOf = (positions: readonly number[]) => {
    let found = 0;
    for (const at of positions) {
      if (classified[at] !== 0) continue;
      classified[at] = 1;
      found++;
    }
    return found;
  };
  let counted = 0;
  let late = 0;
  for (const outcome of outcomes) counted += firstOf(outcome.counted);
  for (const outcome of outcomes) late += firstOf(outcome.late);
  const received = chunk.accepted.length + chunk.rejected.length;
  const { duplicates: duplicate, filtered } = chunk;
  return { received, counted, late, duplicate, rejected: chunk.rejected.length, filtered };
}

function pairsOfAll({ queries }: Pipeline, of: (query: Query) => QueryCounters): Record<string, QueryCounters> {
  return Object.fromEntries(queries.map((query) => [query.name, of(query)]));
}

/** Each pair is counted where it was decided, so that a pair that is lost, or there twice, shows. */
function pairsIn(chunk: ReadChunk, query: Query, outcomes: readonly QueryOutcome[]): QueryCounters {
  let counted = 0;
  let late = 0;
  for (const outcome of outcomes) {
    if (outcome.query !== query) continue;
    counted += outcome.counted.length;
    late += outcome.late.length;
  }
  return { counted, late, filtered: chunk.filteredPairs[query.index] ?? 0 };
}

/**
 * The sizes of the latest slices. A new slice starts at half of what the one before it came to, for it has only begun.
 */
function sizesAfter({ progress, writer }: Warm, chunk: ReadChunk): Record<string, BucketSize> {
  const sizes: Record<string, BucketSize> = {};
  for (const { query, slice } of chunk.slices) {
    const known = sizes[query.name] ?? progress.sizes[query.name];
    const size = writer.size(query, slice);
    if (size === undefined || (known !== undefined && slice < known.slice)) continue;
    const floor = known === undefined ? 0 : slice === known.slice ? known.bytes : Math.ceil(known.bytes / 2);
    sizes[query.name] = { ...size, bytes: Math.max(size.bytes, floor) };
  }
  return sizes;
}
