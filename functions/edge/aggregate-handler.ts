import type { Context } from 'aws-lambda';
import pLimit from 'p-limit';
import type { Pipeline } from '../core/definition/pipeline.ts';
import { addCounters, addQueryCounters, noEvents, noPairs } from '../core/events/counters.ts';
import type { HashRange } from '../core/events/hash-range.ts';
import { createDoubtNotes, type DoubtNotes, doubtLines } from '../core/fold/doubts.ts';
import type { StreamRecord } from '../core/fold/stream-record.ts';
import { shardWatermark } from '../core/fold/watermark.ts';
import { checkDefinition } from '../state/items/definition.ts';
import { edgePassed, isHoldingBack } from '../state/log/kick.ts';
import { type BatchReport, shardAggregator } from '../state/log/shard-aggregator.ts';
import { storedLookups } from '../state/lookups/stored-lookups.ts';
import { ancestorsOf, type Stream } from '../state/stream/stream.ts';
import { streamGuard } from '../state/stream/stream-identity.ts';
import type { Tables } from '../state/table/tables.ts';
import type { Batches, BatchesAnswer, ShardBatch } from './batches.ts';
import { shardAggregators } from './shard-aggregators.ts';
import { strayId } from './stray-id.ts';
import type { Measured, Telemetry } from './telemetry.ts';

/** The part of a deployment that the aggregate function works with. */
export interface AggregateOptions {
  readonly pipeline: Pipeline;
  readonly batches: Batches;
  readonly stream: Stream;
  readonly tables: Pick<Tables, 'state' | 'rejects'> & Partial<Pick<Tables, 'meter'>>;
  readonly telemetry: Pick<Telemetry, 'measured'> & { readonly logger: Pick<Telemetry['logger'], 'warn'> };
  /** Asks for a finalize run; undefined: only the schedule does. */
  readonly kick: (() => Promise<void>) | undefined;
  /** Epoch ms. */
  readonly now: () => number;
  /** A new id at each call. */
  readonly newId: () => string;
}

/** The aggregate function: see {@link aggregateHandler}. */
export type AggregateHandler = (event: unknown, context: Context) => Promise<BatchesAnswer>;

/** Shards of one invocation that are applied at a time; each has tens of calls under way. */
const mostShardsAtATime = 4;

/**
 * The aggregate function of a container: folds the batches of an event source mapping into their windows, exactly once.
 * It throws errors that only a retry of the same event can put right.
 */
export function aggregateHandler(options: AggregateOptions): AggregateHandler {
  const { pipeline, batches, tables, telemetry } = options;
  const ready = readiness(options);
  let applier: ReturnType<typeof shardApplier> | undefined;
  const kickFinalize = finalizeKicker(options);
  return (event, context) =>
    telemetry.measured(tables.meter, context, async () => {
      const given = batches.of(event);
      if (given.length === 0) return { answer: batches.answer([]), counts: {}, milliseconds: {} };
      const known = await ready();
      applier ??= shardApplier({ ...options, pipeline: known });
      const apply = applier;
      const applied = await applyAll(given, (batch) => apply(batch, () => context.getRemainingTimeInMillis()));
      let kicks = 0;
      // All is in the logs by now. One run looks at all shards.
      for (const [shardId, report] of applied) kicks += kicks > 0 ? 0 : await kickFinalize(shardId, report);
      const reports = applied.map(([, report]) => report);
      const answer = batches.answer(reports.flatMap(({ resumeAt }) => (resumeAt === undefined ? [] : [resumeAt])));
      return { answer, ...measures(pipeline, reports, kicks, options.now()) };
    });
}

/**
 * Checks once a container whether the tables are of this pipeline and this stream: a call for each batch would be too
 * many. Events that a warm container applies from another stream are never made final by a finalize run. The code of a
 * container does not change, and neither does the definition in it.
 * @returns the pipeline with what the state knows of it
 */
function readiness({ pipeline, stream, tables: { state }, telemetry }: AggregateOptions): () => Promise<Pipeline> {
  const guard = streamGuard(state, stream, (error) =>
    telemetry.logger.warn('Whether the stream is the one that the tables belong to could not be asked', {
      error: String(error),
    }),
  );
  let known: Pipeline | undefined;
  const fitting = async () => {
    known ??= await checkDefinition(state, pipeline);
    return known;
  };
  return async () => {
    const [, fitted] = await Promise.all([guard(), fitting()]);
    return fitted;
  };
}

type Applied = readonly [shardId: string, report: BatchReport];

/**
 * Applies the batches, each exactly once and on its own. When all have come to an end, it throws errors that only a
 * retry of the same event can put right.
 */
async function applyAll(
  given: readonly ShardBatch[],
  apply: (batch: ShardBatch) => Promise<BatchReport>,
): Promise<readonly Applied[]> {
  const shardsAtATime = pLimit(mostShardsAtATime);
  const applied = given.map((batch) => shardsAtATime(async () => [batch.shardId, await apply(batch)] as const));
  await Promise.allSettled(applied);
  return Promise.all(applied);
}

/** Applies batches with what the container remembers of their shards, and warns of oddities in them. */
function shardApplier(
  options: AggregateOptions,
): (batch: ShardBatch, remainingMs: () => number) => Promise<BatchReport> {
  const { pipeline, stream, tables, now, newId } = options;
  const { state, rejects } = tables;
  /** The rows that events are joined with, for all shards of this container. */
  const lookups = storedLookups(pipeline, state);
  /**
   * By shard, the hash keys whose ids are deduplicated on it. They are learned with its ancestors, when a container
   * begins with the shard.
   */
  const hashRanges = new Map<string, HashRange>();
  const doubts = createDoubtNotes(pipeline);
  const aggregatorOf = shardAggregators((shardId) => {
    const ancestors = async () => {
      const listed = await stream.listShards();
      const range = listed.find((shard) => shard.shardId === shardId)?.hashRange;
      if (range !== undefined) hashRanges.set(shardId, range);
      return ancestorsOf(listed, shardId);
    };
    return shardAggregator({ pipeline, state, rejects, shardId, now, attempt: newId, ancestors, lookups, doubts });
  });
  const warnOfStray = strayWarning(options, hashRanges);
  const warnOfArrival = arrivalWarning(options);
  const warnOfDoubts = doubtsWarning(options, doubts);
  return async (batch, remainingMs) => {
    const { shardId, records } = batch;
    const report = await aggregatorOf(shardId).apply(records, remainingMs);
    warnOfStray(shardId, records[0]);
    warnOfArrival(batch);
    warnOfDoubts();
    return report;
  };
}

/**
 * Looks at one record of a batch, and warns once a container: a producer that sends ids to the wrong shard does so
 * again and again.
 */
function strayWarning({ pipeline, telemetry }: AggregateOptions, hashRanges: ReadonlyMap<string, HashRange>) {
  let warned = false;
  return (shardId: string, record: StreamRecord | undefined): void => {
    const range = hashRanges.get(shardId);
    const id = warned || range === undefined ? undefined : strayId(pipeline, record, range);
    if (id === undefined) return;
    warned = true;
    telemetry.logger.warn(
      'An event lies on a shard that its id, the partition key, does not lead to: copies of it on another shard count again',
      { id, shardId },
    );
  };
}

/**
 * Warns once a container. The classes of events follow from these times, which a retry finds again. The clock of an
 * invocation would not do.
 */
function arrivalWarning({ telemetry }: AggregateOptions) {
  let warned = false;
  return ({ arrivalBy, shardId }: ShardBatch): void => {
    if (arrivalBy === 'stream' || warned) return;
    warned = true;
    telemetry.logger.warn(
      "The records carry their producers' clocks: a wrong one gets past maxFutureSkew; set message.timestamp.type=LogAppendTime",
      { shardId },
    );
  };
}

/** Warns once a container of each doubt about the pipeline, after the batch that the doubt is about. */
function doubtsWarning({ pipeline, telemetry }: AggregateOptions, doubts: DoubtNotes) {
  const told = new Set<string>();
  return (): void => {
    for (const { key, line } of doubtLines(pipeline, doubts.doubts())) {
      if (told.has(key)) continue;
      told.add(key);
      telemetry.logger.warn(line, { doubt: key });
    }
  };
}

/**
 * Asks for a finalize run at once when this shard's watermark has passed the end of a window and no other shard is
 * known to hold it back. So its results need not wait for the minute. A failure here is only logged: the batch is in
 * the log, and the schedule asks for the same run.
 */
function finalizeKicker({ pipeline, tables: { state }, telemetry, kick }: AggregateOptions) {
  return async (shardId: string, { maxEventTimeBefore, maxEventTime }: BatchReport): Promise<0 | 1> => {
    if (kick === undefined) return 0;
    try {
      const edge = edgePassed(pipeline, maxEventTimeBefore, maxEventTime);
      if (edge === undefined || !(await isHoldingBack(state, shardId))) return 0;
      await kick();
      return 1;
    } catch (error) {
      telemetry.logger.warn('A finalize run could not be asked for: its schedule will do', { error: String(error) });
      return 0;
    }
  };
}

function measures(
  pipeline: Pipeline,
  reports: readonly BatchReport[],
  kicks: number,
  nowMs: number,
): Omit<Measured<unknown>, 'answer'> {
  const latest = reports.flatMap(({ maxEventTime }) => (maxEventTime === undefined ? [] : [maxEventTime]));
  const counters = reports.reduce((total, report) => addCounters(total, report.counters), noEvents);
  return {
    counts: { ...counters, kicks },
    milliseconds: {
      ungatheredAge: Math.max(0, ...reports.map(({ ungatheredMs }) => ungatheredMs)),
      ...(latest.length === 0 ? {} : { watermarkLag: nowMs - shardWatermark(Math.min(...latest), pipeline.delayMs) }),
    },
    byQuery: pairsByQuery(pipeline, reports),
  };
}

/**
 * The pairs of each query, under names that differ from those of the events' own classes. So metrics that are added up
 * by name keep the two apart.
 */
function pairsByQuery(
  { queries }: Pipeline,
  reports: readonly BatchReport[],
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return Object.fromEntries(
    queries.map(({ name }) => {
      const { counted, late, filtered } = reports.reduce(
        (total, report) => addQueryCounters(total, report.queries[name] ?? noPairs),
        noPairs,
      );
      return [name, { pairsCounted: counted, pairsLate: late, pairsFiltered: filtered }];
    }),
  );
}
