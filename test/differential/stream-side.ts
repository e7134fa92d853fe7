import pLimit from 'p-limit';
import { inputChunks } from '../../cli/input/input-chunks.ts';
import { inputFile } from '../../cli/input/input-file.ts';
import { longestDurationMs } from '../../functions/core/arguments/duration.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { addCounters, addQueryCounters, noEvents, noPairs } from '../../functions/core/events/counters.ts';
import { eventTimeBounds } from '../../functions/core/events/event-time.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { pairsOf, readAllProgress } from '../../functions/state/epochs/progress.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { type ShardAggregator, shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Stream } from '../../functions/state/stream/stream.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { logClock } from '../fixtures/log-clock.ts';
import type { Answer } from './answer.ts';
import type { CaseBatch, DifferentialCase } from './case.ts';
import { resultRows } from './result-rows.ts';

const shardId = (shard: number) => `shardId-${String(shard).padStart(12, '0')}`;

/** Every window lies between these, epoch ms. */
const allTime = {
  from: eventTimeBounds.earliest - longestDurationMs,
  to: eventTimeBounds.latest + longestDurationMs,
};

/**
 * The answer of the streaming path: the production log and epochs over tables in memory. The file's lines come as the
 * case says, in batches that may be delivered twice, to containers that may be cold, with finalize runs between.
 */
export async function streamAnswer(given: DifferentialCase, pipeline: Pipeline, file: string): Promise<Answer> {
  const tables = { state: memoryTable(), windows: memoryTable(), rejects: memoryTable() };
  const lines = await linesOf(file);
  if (lines.length !== given.events.length)
    throw new Error(`${file}: ${lines.length} lines of ${given.events.length} events`);
  const { arrivalMs, shards, eventsPerRecord } = given;
  let isAllPut = false;
  const stream: Stream = {
    identity: async () => ({ name: 'stream', createdAt: 0 }),
    listShards: async () => Array.from({ length: shards }, (_, shard) => ({ shardId: shardId(shard), closed: false })),
    // A shard with more to come holds the watermark.
    tail: async () => (isAllPut ? 'nothing' : 'more'),
  };
  const run = (request: 'advance' | 'drain') =>
    finalize(
      {
        pipeline,
        ...tables,
        stream,
        limit: pLimit(8),
        publish: async () => undefined,
        now: () => arrivalMs + 1_000_000_000,
        runId: 'run',
        remainingMs: () => 60_000,
        retentionMs: 86_400_000,
      },
      request,
    );
  const warm = new Map<number, ShardAggregator>();
  const aggregatorOf = ({ shard, cold }: CaseBatch) => {
    const known = cold ? undefined : warm.get(shard);
    const own = known ?? shardAggregator({ ...logClock, ...tables, pipeline, shardId: shardId(shard) });
    warm.set(shard, own);
    return own;
  };
  let sequence = 10n ** 20n;
  for (const batch of given.batches) {
    const texts = batch.events.map((event) => lines[event] ?? '');
    const records: StreamRecord[] = [];
    for (let at = 0; at < texts.length; at += eventsPerRecord)
      records.push(recordOf(sequence++, arrivalMs, texts.slice(at, at + eventsPerRecord)));
    await aggregatorOf(batch).apply(records, () => 60_000);
    if (batch.repeated) await aggregatorOf({ ...batch, cold: true }).apply(records, () => 60_000);
    if (batch.finalize) await run('advance');
  }
  isAllPut = true;
  await run('drain');
  const windows = await Promise.all(
    pipeline.queries.map((query) =>
      readWindows({ pipeline, ...tables }, query, {
        ...allTime,
        status: query.definedKind.isEndless === true ? 'all' : 'final',
        order: 'ascending',
        limit: Number.POSITIVE_INFINITY,
      }),
    ),
  );
  const progress = [...(await readAllProgress(tables.state)).values()];
  return {
    rows: resultRows(pipeline, windows.flat()),
    counters: progress.map(({ counters }) => counters).reduce(addCounters, noEvents),
    pairs: Object.fromEntries(
      pipeline.queries.map(({ name }) => [
        name,
        progress.map((shard) => pairsOf(shard, name)).reduce(addQueryCounters, noPairs),
      ]),
    ),
  };
}

/** The events of a file as `tidemark stream` puts them. */
async function linesOf(file: string): Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of inputChunks(inputFile(file))) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}

function recordOf(sequence: bigint, arrival: number, texts: readonly string[]): StreamRecord {
  return {
    sequenceNumber: String(sequence),
    arrival,
    partitionKey: 'p',
    events: texts.map((text, subRecord) => ({ text, subRecord, bytes: () => Buffer.from(text) })),
  };
}
