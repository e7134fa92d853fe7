import { finalizeEverySeconds, mapping } from '../../functions/core/deployment/settings.ts';
import type { CostQuestion } from './question.ts';
import { entryBytesOf } from './sizes.ts';

/** How often things happen, a second, and how many events each of them has. */
export interface Flow {
  readonly shards: number;
  /** Invocations of aggregate, and entries. */
  readonly batches: number;
  readonly eventsPerBatch: number;
  /** Epochs, and windows of each query that close. */
  readonly epochs: number;
  readonly windows: number;
  /** Runs of finalize: by the schedule, and those that batches ask for. */
  readonly scheduledRuns: number;
  readonly kicks: number;
}

/** The shortest time between two batches of a shard, in seconds: Lambda asks a shard five times a second. */
const fastestSeconds = 0.2;

/** A record of an invocation's payload besides its data, in bytes, and what Base64 makes of a byte. */
const recordOverheadBytes = 350;
const base64 = 4 / 3;

/** A log is cut where it has so many entries, or bytes, behind its barrier, or an entry is an hour old (DESIGN 4.2). */
const mostEntries = 64;
const mostBytes = 4 * 1024 * 1024;
const oldestSeconds = 3_600;

/** Epochs in a second at most: one, and with many shards one in 20 ms for each. */
const fastestEpochSeconds = 1;
const shardEpochSeconds = 0.02;

/** Events a second of a shard of a stream on demand, and its fewest shards. */
const eventsOfShard = 1_000;
const bytesOfShard = 1024 * 1024;
const fewestShards = 4;

/** How often batches, epochs, windows and runs come about. */
export function flowOf(question: CostQuestion): Flow {
  const { eventsPerSecond, eventsPerRecord, windowSeconds, latenessSeconds } = question;
  const shards = shardsOf(question);
  const records = eventsPerSecond / eventsPerRecord / shards;
  const none = { shards, scheduledRuns: 1 / finalizeEverySeconds, kicks: 0, epochs: 0, windows: 0 };
  if (records === 0) return { ...none, batches: 0, eventsPerBatch: 0 };
  const recordBytes = base64 * (question.eventBytes * eventsPerRecord) + recordOverheadBytes;
  const mostRecords = Math.max(1, Math.min(question.batchRecords, Math.floor(mapping.batchBytes / recordBytes)));
  // The time begins with the first record of the batch.
  const byTime = 1 / (Math.max(question.batchSeconds, fastestSeconds) + 1 / records);
  const batches = shards * Math.max(byTime, records / mostRecords);
  const eventsPerBatch = eventsPerSecond / batches;
  const windows = 1 / windowSeconds;
  // An edge is passed by each shard, and asked for by those that hold the watermark back when they pass it: of shards
  // in an order by chance, as many as set a record.
  const kicks = Math.min(windows, 1 / fastestEpochSeconds) * harmonic(Math.min(shards, batches * windowSeconds));
  const flow = { ...none, batches, eventsPerBatch, windows, kicks };
  return { ...flow, epochs: epochsOf(question, flow, latenessSeconds > 0) };
}

/** Shards of the stream; of one on demand as many as its events need. */
export function shardsOf({ shards, eventsPerSecond, eventBytes, eventsPerRecord }: CostQuestion): number {
  if (shards > 0) return shards;
  const byRecords = eventsPerSecond / eventsPerRecord / eventsOfShard;
  const byBytes = (eventsPerSecond * eventBytes) / bytesOfShard;
  return Math.max(fewestShards, Math.ceil(byRecords), Math.ceil(byBytes));
}

/**
 * Epochs: one where a window ends, and one by the schedule where a log has become long or old. A query whose windows
 * stay open has one at every run that finds something new.
 */
function epochsOf(question: CostQuestion, flow: Omit<Flow, 'epochs'>, hasOpenPanes: boolean): number {
  const { windowSeconds } = question;
  const { shards, batches, eventsPerBatch, scheduledRuns, kicks } = flow;
  const every = 1 / scheduledRuns;
  const most = 1 / Math.max(fastestEpochSeconds, shardEpochSeconds * shards);
  if (hasOpenPanes) return Math.min(most, scheduledRuns + kicks);
  const batchEvery = shards / batches;
  const entries = Math.max(1, Math.min(mostEntries, mostBytes / entryBytesOf(question, eventsPerBatch)));
  const cutEvery = Math.min(Math.ceil((entries * batchEvery) / every) * every, oldestSeconds + every);
  // A log that is cut for a window's end is not long.
  const rate = windowSeconds < cutEvery ? 1 / windowSeconds : 1 / cutEvery + 1 / windowSeconds;
  return Math.min(most, rate);
}

function harmonic(n: number): number {
  if (n < 1) return n;
  return n < 50
    ? Array.from({ length: Math.round(n) }, (_, i) => 1 / (i + 1)).reduce((a, b) => a + b, 0)
    : Math.log(n) + 0.577;
}
