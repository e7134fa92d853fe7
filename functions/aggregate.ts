import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda';
import pipeline from '#pipeline';
import { readConfig } from './config.ts';
import { shardWatermark } from './core/watermark.ts';
import { strayId } from './id-routing.ts';
import { kicker } from './kick.ts';
import { kinesisBatch } from './kinesis-batch.ts';
import { streamRecords } from './kinesis-records.ts';
import { kinesisStream } from './kinesis-stream.ts';
import { surviveOrphanRejections } from './orphan-rejections.ts';
import type { StreamRecord } from './state/chunk.ts';
import { checkDefinition } from './state/definition.ts';
import { edgePassed, mayBeSlowest } from './state/kick.ts';
import { type BatchReport, type ShardAggregator, shardAggregator } from './state/shard-aggregator.ts';
import { ancestorsOf, type HashRange } from './state/stream.ts';
import { streamGuard } from './state/stream-identity.ts';
import { openTables } from './state/tables.ts';
import { createTelemetry } from './telemetry.ts';

const config = readConfig();
const tables = openTables(config.tables);
const telemetry = createTelemetry(config.deployment ?? pipeline.name, 'aggregate', config.logLevel);
surviveOrphanRejections((reason) =>
  telemetry.logger.warn('The pipeline left a promise behind that was rejected: its schema and functions have to be synchronous', {
    reason: String(reason),
  }),
);

const stream = kinesisStream(config.stream);

/** Once a container, for a call a batch would be too many: what a warm one applies of another stream, no finalize run makes final. */
const guard = streamGuard(tables.state, stream, (error) =>
  telemetry.logger.warn('Whether the stream is the one that the tables belong to could not be asked', { error: String(error) }),
);

let fits = false;

/** Once a container: its code, and with it the definition, does not change, and what the state belongs to was noted by the first one. */
async function fitting(): Promise<void> {
  if (fits) return;
  await checkDefinition(tables.state, pipeline);
  fits = true;
}

/** What this container knows of each shard. Lambda mostly keeps a shard with a container; the one used longest ago is forgotten first. */
const shards = new Map<string, ShardAggregator>();
const mostShards = 64;
/** Ids of all shards together, half a gigabyte at most; a shard of more of them keeps its own. */
const mostIds = 10_000_000;

function aggregatorOf(shardId: string): ShardAggregator {
  const ancestors = async () => {
    const listed = await stream.listShards();
    const range = listed.find((shard) => shard.shardId === shardId)?.hashRange;
    if (range !== undefined) hashRanges.set(shardId, range);
    return ancestorsOf(listed, shardId);
  };
  const known = shards.get(shardId) ?? shardAggregator({ pipeline, state: tables.state, rejects: tables.rejects, shardId, ancestors });
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

/** A look at one record of a batch, and one warning a container: whoever sends ids to the wrong shard does so again and again. */
function warnOfStray(shardId: string, record: StreamRecord | undefined): void {
  const range = hashRanges.get(shardId);
  const id = warnedOfStray || range === undefined ? undefined : strayId(pipeline, record, range);
  if (id === undefined) return;
  warnedOfStray = true;
  telemetry.logger.warn('An event lies on a shard that its id, the partition key, does not lead to: copies of it on another shard count again', {
    id,
    shardId,
  });
}

const kick = kicker(config.finalizeFunction);

/**
 * Asks for a finalize run at once when this shard's watermark has passed the end of a window and no other shard is known to hold it: its results
 * need not wait for the minute. What fails here is told and no more: the batch is committed, and the schedule does the same.
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

/** Folds one Kinesis batch of one shard into its windows, exactly once. Throws what only a retry of the same batch can put right. */
export async function handler(event: KinesisStreamEvent, context: Context): Promise<KinesisStreamBatchResponse> {
  return telemetry.measured(tables.meter, context, async () => {
    const batch = kinesisBatch(event, config.stream);
    if (batch === undefined) return { answer: { batchItemFailures: [] }, counts: {}, milliseconds: {} };
    await Promise.all([guard(), fitting()]);
    const records = streamRecords(batch.records);
    const report = await aggregatorOf(batch.shardId).apply(records, () => context.getRemainingTimeInMillis());
    warnOfStray(batch.shardId, records[0]);
    const kicks = await kickFinalize(batch.shardId, report);
    const lag = report.maxEventTime === undefined ? {} : { watermarkLag: Date.now() - shardWatermark(report.maxEventTime, pipeline.delayMs) };
    const answer = { batchItemFailures: report.resumeAt === undefined ? [] : [{ itemIdentifier: report.resumeAt }] };
    return { answer, counts: { ...report.counters, kicks }, milliseconds: lag };
  });
}
