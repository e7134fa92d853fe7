import { finalizeEverySeconds } from '../../functions/core/deployment/settings.ts';
import type { Flow } from './flow.ts';
import type { CostQuestion } from './question.ts';
import {
  barrierBytes,
  entryBytesOf,
  epochBytes,
  idBytes,
  keysIn,
  planShardBytes,
  segmentBytesOf,
  segmentHeadBytes,
  unitsOf,
  windowBytesOf,
} from './sizes.ts';

/** The items that are written, each a term of the bill (docs/cost.md). */
export type WriteTerm = 'entries' | 'barriers' | 'epochs' | 'segments' | 'ids' | 'windows' | 'sideOutput' | 'sinks';
export type ReadTerm = 'aggregate' | 'finalize' | 'sinks';

/** What the tables are asked for, a second, and what they hold in the steady state. */
export interface TableUse {
  readonly writes: Readonly<Record<WriteTerm, number>>;
  readonly reads: Readonly<Record<ReadTerm, number>>;
  /** Bytes in `state`, with what waits for its expiry, and bytes that a second adds to `windows`. */
  readonly stateBytes: number;
  readonly windowBytesPerSecond: number;
  /** Rows that finalize decodes, merges or writes, a second: its CPU. */
  readonly rows: number;
}

/** Segments of 8 epochs are merged into one, and of 64, ... ids of no more than an item's worth. */
const mergeFactor = 8;
const mostIdBytes = 256 * 1024;

/** Days that entries and what feeds read are kept, and that is kept longer than the stream's records (DESIGN 4.5). */
const entryDays = 35;
const graceDays = 2;
const usualRetentionDays = 7;
const daySeconds = 86_400;

/** An epoch's own items: the epoch and its mark, each told once more when they expire, and how far it is gathered. */
const epochUnits = 5;
/** What is forgotten is noted once in so many epochs, for the epochs and for each query. */
const forgetsEvery = 16;

const readBytes = 4096;
const readUnits = (bytes: number) => Math.max(1, Math.ceil(bytes / readBytes));

/** What production code asks of its tables for a flow of events. */
export function tableUseOf(question: CostQuestion, flow: Flow): TableUse {
  const { queries, eventsPerSecond } = question;
  const { shards, batches, epochs, windows, eventsPerBatch, scheduledRuns, kicks } = flow;
  const isFlowing = batches > 0;
  const runs = scheduledRuns + kicks;
  const entry = isFlowing ? entryBytesOf(question, eventsPerBatch) : 0;
  const eventsPerEpoch = epochs === 0 ? 0 : eventsPerSecond / epochs;
  const segments = segmentsOf(question, flow, eventsPerEpoch);
  const ids = idSegmentsOf(question, flow, eventsPerEpoch);
  const rows = keysIn(question.keys, windows === 0 ? 0 : eventsPerSecond / windows);
  const window = windowBytesOf(question, rows);
  const panes = windows * queries * panesOf(question);
  const closingEpochs = Math.min(epochs, windows);
  const sinks = sinkUnits(question, panes, window);
  const plan = epochBytes + planShardBytes * shards;
  return {
    writes: {
      entries: batches * unitsOf(entry),
      barriers: epochs * shards,
      // Who holds the watermark, and where, is noted by every run; emissions and finals where something closed.
      epochs:
        (isFlowing ? runs : 0) +
        epochs * (epochUnits + 2 * unitsOf(plan - 200) + queries + (1 + queries) / forgetsEvery) +
        closingEpochs * queries * 2,
      segments: epochs * queries * segments.units,
      ids: epochs * shards * ids.units,
      windows: panes * window.units,
      sideOutput: batches * sideUnits(question, eventsPerBatch),
      sinks: sinks.writes,
    },
    reads: {
      aggregate: batches + windows * shards,
      finalize:
        runs * runReads(question, flow, entry, segments.openBytes) +
        epochs * epochReads(question, flow, entry, segments) +
        panes * readUnits(window.bytes) * (question.latenessSeconds > 0 ? 1 : 0),
      sinks: sinks.reads,
    },
    stateBytes:
      batches * entry * entryDays * daySeconds +
      epochs *
        (shards * barrierBytes * entryDays +
          (plan + epochBytes + queries * segments.bytes) * (usualRetentionDays + graceDays) +
          shards * ids.bytes * (usualRetentionDays + graceDays)) *
        daySeconds,
    windowBytesPerSecond: windows * queries * window.bytes,
    rows: batches * queries * keysIn(question.keys, eventsPerBatch) + epochs * queries * segments.rows + panes * rows,
  };
}

/** Panes of a window: with allowed lateness one when it ends, and one when it closes. */
function panesOf({ latenessSeconds }: CostQuestion): number {
  return latenessSeconds > 0 ? 2 : 1;
}

/** Partitions of a shard and hour in the side output (state/items/side-place.ts). */
const sidePartitions = 16;

/**
 * What the late and rejected events of a batch write: an item each, and one for each of the partitions that they fall
 * into, by which readers find them.
 */
function sideUnits(question: CostQuestion, eventsPerBatch: number): number {
  const events = eventsPerBatch * question.sideShare;
  return events * queriesTold(question) + sidePartitions * (1 - Math.exp(-events / sidePartitions));
}

/** A late event is told for each query that it is late for; here as if half of such events were rejected. */
function queriesTold({ queries }: CostQuestion): number {
  return (1 + queries) / 2;
}

/**
 * The segments that an epoch writes of a query, and those into which they are merged while their window is open; both
 * are told once more when they expire.
 */
function segmentsOf(question: CostQuestion, { epochs }: Flow, eventsPerEpoch: number) {
  if (epochs === 0) return { units: 0, bytes: 0, rows: 0, openBytes: 0 };
  const { windowSeconds, delaySeconds, latenessSeconds, eventsPerSecond } = question;
  const epochSeconds = 1 / epochs;
  const openSeconds = windowSeconds + delaySeconds + latenessSeconds;
  // Every epoch has a slice; those in which a window ends have the next one too, with what came within the delay.
  const others = epochSeconds / windowSeconds;
  const early = Math.min(0.5, delaySeconds / epochSeconds);
  const split = Math.min(1, others) * early;
  const pieces: readonly (readonly [count: number, events: number])[] = [
    [1, (eventsPerEpoch * (1 - split)) / Math.max(1, others)],
    [others, (eventsPerEpoch * early) / Math.max(1, others)],
  ];
  let units = 0;
  let bytes = 0;
  let rows = 0;
  for (const [count, events] of pieces) {
    const own = segmentBytesOf(question, events);
    units += count * unitsOf(own);
    bytes += count * own;
    rows += count * keysIn(question.keys, events);
  }
  for (let size = mergeFactor; size < mergeFactor * life(openSeconds, epochSeconds); size *= mergeFactor) {
    // Slices in which several segments of the range have something, and whose windows were open before the epoch.
    const count = Math.min(size * epochSeconds, windowSeconds + latenessSeconds) / windowSeconds / size;
    const events = Math.min(size * epochSeconds, windowSeconds) * eventsPerSecond;
    const merged = segmentBytesOf(question, events);
    units += count * unitsOf(merged);
    bytes += count * merged;
    rows += count * (keysIn(question.keys, events) + mergeFactor * keysIn(question.keys, events / mergeFactor));
  }
  return { units: 2 * units, bytes, rows, openBytes: openBytesOf(question, openSeconds, epochSeconds) };
}

/** Epochs in which a slice gets something, at least two: they end while one is open. */
const life = (openSeconds: number, epochSeconds: number) => Math.max(2, openSeconds / epochSeconds);

/** Bytes of segments of what is open, on average: of each size as many as are not merged yet. */
function openBytesOf(question: CostQuestion, openSeconds: number, epochSeconds: number): number {
  const epochs = Math.max(1, openSeconds / epochSeconds);
  let bytes = 0;
  for (let size = 1; size <= epochs; size *= mergeFactor) {
    const count = epochs / size < mergeFactor ? epochs / size / 2 : (mergeFactor - 1) / 2;
    bytes +=
      count *
      segmentHeadBytes(question, Math.min(size * epochSeconds, question.windowSeconds) * question.eventsPerSecond);
  }
  return bytes;
}

/** The ids of a log that an epoch gathers, and their merges, as long as they fit an item. They expire by themselves. */
function idSegmentsOf({ dedup }: CostQuestion, { shards, epochs }: Flow, eventsPerEpoch: number) {
  if (dedup === 'none' || epochs === 0) return { units: 0, bytes: 0 };
  const own = (eventsPerEpoch / shards) * idBytes;
  let units = unitsOf(own);
  let bytes = own;
  for (let size = mergeFactor; size <= mergeFactor ** 3 && own * size <= mostIdBytes; size *= mergeFactor) {
    units += unitsOf(own * size) / size;
    bytes += own;
  }
  return { units, bytes };
}

/** A sink's outbox: a window in and out; its turn, which each run takes and ends. */
function sinkUnits({ sinks }: CostQuestion, panes: number, window: { readonly bytes: number; readonly units: number }) {
  const runs = 1 / finalizeEverySeconds + panes;
  // A table gets the rows as items of its own.
  const rows = sinks.filter((kind) => kind === 'dynamodb').length * panes * window.units;
  return {
    writes: sinks.length * (2 * panes + 2 * runs) + rows,
    reads: sinks.length * (4 * runs + panes * readUnits(window.bytes)),
  };
}

/** Read units of a run: places, registrations, shards, tails, and what is open. */
function runReads({ queries }: CostQuestion, { shards }: Flow, entry: number, openBytes: number): number {
  return 6 + readUnits(60 * shards) * 2 + shards * readUnits(entry) + queries * readUnits(openBytes);
}

/** Read units of an epoch: entries that it gathers, and segments, each once to be merged and once to be emitted. */
function epochReads(
  { queries }: CostQuestion,
  { shards, batches, epochs }: Flow,
  entry: number,
  { bytes }: { readonly bytes: number },
): number {
  const entries = epochs === 0 ? 0 : (batches / epochs / shards) * entry;
  return 4 + readUnits(60 * shards) + shards * readUnits(entries) + queries * (2 + (2 * bytes) / readBytes);
}
