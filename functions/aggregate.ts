import type { Context } from 'aws-lambda';
import pLimit from 'p-limit';
import { openBatches } from '#batches';
import pipeline from '#pipeline';
import { openStream } from '#stream';
import { addCounters, addQueryCounters, noEvents, noPairs } from './core/events/counters.ts';
import { createDoubtNotes, doubtLines } from './core/fold/doubts.ts';
import { shardWatermark } from './core/fold/watermark.ts';
import type { BatchesAnswer, ShardBatch } from './edge/batches.ts';
import { readConfig } from './edge/config.ts';
import { kicker } from './edge/invoke-later.ts';
import { surviveOrphanRejections } from './edge/orphan-rejections.ts';
import { strayId } from './edge/stray-id.ts';
import { createTelemetry } from './edge/telemetry.ts';
import type { StreamRecord } from './state/aggregate/chunk.ts';
import { edgePassed, mayBeSlowest } from './state/aggregate/kick.ts';
import { type BatchReport, type ShardAggregator, shardAggregator } from './state/aggregate/shard-aggregator.ts';
import { checkDefinition } from './state/items/definition.ts';
import { storedLookups } from './state/lookups/lookups.ts';
import { ancestorsOf, type HashRange } from './state/stream/stream.ts';
import { streamGuard } from './state/stream/stream-identity.ts';
import { openTables } from './state/table/tables.ts';

const config = readConfig();
const tables = openTables(config.tables);
const telemetry = createTelemetry(config.deployment ?? pipeline.name, 'aggregate', config.logLevel);
surviveOrphanRejections((reason) =>
  telemetry.logger.warn(
    'The pipeline left a promise behind that was rejected: its schema and functions have to be synchronous',
    {
      reason: String(reason),
    },
  ),
);

const batches = openBatches(config.source);
const stream = openStream(config.source);

/**
 * Once a container, for a call a batch would be too many: what a warm one applies of another stream, no finalize run
 * makes final.
 */
const guard = streamGuard(tables.state, stream, (error) =>
  telemetry.logger.warn('Whether the stream is the one that the tables belong to could not be asked', {
    error: String(error),
  }),
);

let fits = false;

/**
 * Once a container: its code, and with it the definition, does not change, and what the state belongs to was noted by
 * the first one.
 */
async function fitting(): Promise<void> {
  if (fits) return;
  await checkDefinition(tables.state, pipeline);
  fits = true;
}

/**
 * What this container knows of each shard. Lambda mostly keeps a shard with a container; the one used longest ago is
 * forgotten first.
 */
const shards = new Map<string, ShardAggregator>();
const mostShards = 64;
/** Ids of all shards together, half a gigabyte at most; a shard of more of them keeps its own. */
const mostIds = 10_000_000;

/** The rows that events are joined with, for all shards of this container. */
const lookups = storedLookups(pipeline, tables.state);

function aggregatorOf(shardId: string): ShardAggregator {
  const ancestors = async () => {
    const listed = await stream.listShards();
    const range = listed.find((shard) => shard.shardId === shardId)?.hashRange;
    if (range !== undefined) hashRanges.set(shardId, range);
    return ancestorsOf(listed, shardId);
  };
  const known =
    shards.get(shardId) ??
    shardAggregator({ pipeline, state: tables.state, rejects: tables.rejects, shardId, ancestors, lookups, doubts });
  shards.delete(shardId);
  shards.set(shardId, known);
  let ids = 0;
  for (const { rememberedIds } of shards.values()) ids += rememberedIds;
  for (const [oldest, { rememberedIds }] of shards) {
    if (oldest === shardId || (shards.size <= mostShards && ids <= mostIds)) break;
    ids -= rememberedIds;
    shards.delete(oldest);
  }
  return known;
}

/** By shard, where its ids are deduplicated: learned with its ancestors, when a container begins with it. */
const hashRanges = new Map<string, HashRange>();
let warnedOfStray = false;

/**
 * A look at one record of a batch, and one warning a container: whoever sends ids to the wrong shard does so again and
 * again.
 */
function warnOfStray(shardId: string, record: StreamRecord | undefined): void {
  const range = hashRanges.get(shardId);
  const id = warnedOfStray || range === undefined ? undefined : strayId(pipeline, record, range);
  if (id === undefined) return;
  warnedOfStray = true;
  telemetry.logger.warn(
    'An event lies on a shard that its id, the partition key, does not lead to: copies of it on another shard count again',
    {
      id,
      shardId,
    },
  );
}

const kick = kicker(config.finalizeFunction);

/**
 * Asks for a finalize run at once when this shard's watermark has passed the end of a window and no other shard is
 * known to hold it: its results need not wait for the minute. What fails here is told and no more: the batch is
 * committed, and the schedule does the same.
 */
async function kickFinalize(shardId: string, { maxEventTimeBefore, maxEventTime }: BatchReport): Promise<number> {
  if (kick === undefined) return 0;
  try {
    const edge = edgePassed(pipeline, maxEventTimeBefore, maxEventTime);
    if (edge === undefined || !(await mayBeSlowest(tables.state, pipeline, shardId, edge, Date.now()))) return 0;
    await kick();
    return 1;
  } catch (error) {
    telemetry.logger.warn('A finalize run could not be asked for: its schedule will do', { error: String(error) });
    return 0;
  }
}

/** Of the events of this container, and whether they were told of. */
const doubts = createDoubtNotes(pipeline);
const toldDoubts = new Set<string>();

/** Each doubt once a container, after the batch that it is about. */
function warnOfDoubts(): void {
  const found = doubts.doubts();
  for (const { key, line } of doubtLines(pipeline, found)) {
    if (toldDoubts.has(key)) continue;
    toldDoubts.add(key);
    telemetry.logger.warn(line, { doubt: key });
  }
}

let warnedOfArrival = false;

/**
 * Once a container. The classes of events follow from these times, which a retry finds again: the clock of an
 * invocation would not do.
 */
function warnOfArrival({ arrivalBy, shardId }: ShardBatch): void {
  if (arrivalBy === 'stream' || warnedOfArrival) return;
  warnedOfArrival = true;
  telemetry.logger.warn(
    "The records carry their producers' clocks: a wrong one gets past maxFutureSkew; set message.timestamp.type=LogAppendTime",
    {
      shardId,
    },
  );
}

/** Shards of one invocation that are applied at a time; each has tens of calls under way. */
const shardsAtATime = pLimit(4);

/**
 * Applies the batches, each exactly once and on its own. Throws, when all have come to an end, what only a retry of the
 * same event can put right.
 */
async function applyAll(
  given: readonly ShardBatch[],
  context: Context,
): Promise<readonly (readonly [shardId: string, report: BatchReport])[]> {
  const applied = given.map((batch) =>
    shardsAtATime(async () => {
      const { shardId, records } = batch;
      const report = await aggregatorOf(shardId).apply(records, () => context.getRemainingTimeInMillis());
      warnOfStray(shardId, records[0]);
      warnOfArrival(batch);
      warnOfDoubts();
      return [shardId, report] as const;
    }),
  );
  await Promise.allSettled(applied);
  return Promise.all(applied);
}

/**
 * Folds the batches of an event source mapping into their windows, exactly once. Throws what only a retry of the same
 * event can put right.
 */
export async function handler(event: unknown, context: Context): Promise<BatchesAnswer> {
  return telemetry.measured(tables.meter, context, async () => {
    const given = batches.of(event);
    if (given.length === 0) return { answer: batches.answer([]), counts: {}, milliseconds: {} };
    await Promise.all([guard(), fitting()]);
    const applied = await applyAll(given, context);
    let kicks = 0;
    // All is committed by now, and one run looks at all shards.
    for (const [shardId, report] of applied) kicks += kicks > 0 ? 0 : await kickFinalize(shardId, report);
    const reports = applied.map(([, report]) => report);
    const latest = reports.flatMap(({ maxEventTime }) => (maxEventTime === undefined ? [] : [maxEventTime]));
    const lag =
      latest.length === 0 ? {} : { watermarkLag: Date.now() - shardWatermark(Math.min(...latest), pipeline.delayMs) };
    const counters = reports.reduce((total, report) => addCounters(total, report.counters), noEvents);
    const answer = batches.answer(reports.flatMap(({ resumeAt }) => (resumeAt === undefined ? [] : [resumeAt])));
    return { answer, counts: { ...counters, kicks }, milliseconds: lag, byQuery: pairsByQuery(reports) };
  });
}

/**
 * What each query did with its pairs, under names that the events' own classes do not have: whoever adds metrics up by
 * name keeps them apart.
 */
function pairsByQuery(reports: readonly BatchReport[]): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return Object.fromEntries(
    pipeline.queries.map(({ name }) => {
      const { counted, late, filtered } = reports.reduce(
        (total, { queries }) => addQueryCounters(total, queries[name] ?? noPairs),
        noPairs,
      );
      return [name, { pairsCounted: counted, pairsLate: late, pairsFiltered: filtered }];
    }),
  );
}
