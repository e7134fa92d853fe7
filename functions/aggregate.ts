import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent } from 'aws-lambda';
import pipeline from '#pipeline';
import { readConfig } from './config.ts';
import { shardWatermark } from './core/watermark.ts';
import { kinesisBatch } from './kinesis-batch.ts';
import { streamRecords } from './kinesis-records.ts';
import { kinesisStream } from './kinesis-stream.ts';
import { surviveOrphanRejections } from './orphan-rejections.ts';
import { type ShardAggregator, shardAggregator } from './state/shard-aggregator.ts';
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

/** Once a container, for a call a batch would be too many: what a warm one applies of another stream, no finalize run makes final. */
const guard = streamGuard(tables.state, kinesisStream(config.stream), (error) =>
  telemetry.logger.warn('Whether the stream is the one that the tables belong to could not be asked', { error: String(error) }),
);

/** What this container knows of each shard. Lambda mostly keeps a shard with a container; the one used longest ago is forgotten first. */
const shards = new Map<string, ShardAggregator>();
const mostShards = 64;

function aggregatorOf(shardId: string): ShardAggregator {
  const known = shards.get(shardId) ?? shardAggregator({ pipeline, state: tables.state, rejects: tables.rejects, shardId });
  shards.delete(shardId);
  shards.set(shardId, known);
  const [oldest] = shards.keys();
  if (shards.size > mostShards && oldest !== undefined) shards.delete(oldest);
  return known;
}

/** Folds one Kinesis batch of one shard into its windows, exactly once. Throws what only a retry of the same batch can put right. */
export async function handler(event: KinesisStreamEvent, context: Context): Promise<KinesisStreamBatchResponse> {
  return telemetry.measured(tables.meter, context, async () => {
    const batch = kinesisBatch(event, config.stream);
    if (batch === undefined) return { answer: { batchItemFailures: [] }, counts: {}, milliseconds: {} };
    await guard();
    const report = await aggregatorOf(batch.shardId).apply(streamRecords(batch.records), () => context.getRemainingTimeInMillis());
    const lag = report.maxEventTime === undefined ? {} : { watermarkLag: Date.now() - shardWatermark(report.maxEventTime, pipeline.delayMs) };
    const answer = { batchItemFailures: report.resumeAt === undefined ? [] : [{ itemIdentifier: report.resumeAt }] };
    return { answer, counts: { ...report.counters }, milliseconds: lag };
  });
}
