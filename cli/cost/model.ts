import { finalizeEverySeconds, functions, streamRetentionHours } from '../../functions/core/deployment/settings.ts';
import { prices } from './prices.ts';

/** The question: a stream of events and how it is counted. */
export interface CostQuestion {
  readonly eventsPerSecond: number;
  /** The number of keys in a window. */
  readonly keys: number;
  /** Shards of a provisioned stream; 0: a stream on demand. */
  readonly shards: number;
  readonly eventBytes: number;
  /** Whether the pipeline deduplicates: `ids` keeps a log of them. */
  readonly dedup: 'none' | 'ids';
  readonly windowSeconds: number;
  /** The event source mapping's batch window. */
  readonly batchSeconds: number;
  /** Requests to the query API. */
  readonly requestsPerMonth: number;
}

/** Dollars a month by service. */
export type Bill = Readonly<Record<string, number>>;

/** A bill, two others for the same events, and the bill of a stream without events. */
export interface CostAnswer {
  readonly tidemark: Bill;
  readonly idle: Bill;
  readonly writePerMessage: Bill;
  readonly managedFlink: Bill;
  /** DynamoDB write units a million events: Tidemark's, as `npm run bench -- writes` measures them. */
  readonly writeUnitsPerMillion: number;
}

const hours = 730;
const monthSeconds = hours * 3_600;
const monthDays = hours / 24;
const gb = 2 ** 30;
const million = 1_000_000;

/** The size of an entry beside its partial aggregates, in bytes: its keys, and the running totals. */
const entryBytes = 400;

/** The size of a segment beside its partial aggregates, in bytes. */
const segmentBytes = 120;

/** The size of a row in a manifest, in bytes: a name, a key and a count. */
const rowBytes = 30;

/** The size of an id in an entry, and again in a segment, in bytes: a hash of 8 bytes, and when it came. */
const idBytes = 9;

/**
 * Days that entries are kept (DESIGN 4.5), and that segments are: the stream's retention and two days more.
 */
const entryDays = 35;
const segmentDays = streamRetentionHours / 24 + 2;

/** A log of more entries behind its barrier is cut by the next run of the schedule. */
const mostEntries = 64;

/**
 * Write units of an epoch beside its barriers and segments: the epoch, its plan, its mark, how far it is gathered and
 * emitted, who holds the watermark; and three that say when they expire.
 */
const epochUnits = 9;

/** Segments of 8 epochs are merged into one, and of 64. */
const mergeFactor = 8;

/**
 * The seconds of an invocation beyond its events, and the seconds of each event. They were measured on this project's
 * machine and doubled.
 */
const batchOverheadSeconds = 0.03;
const secondsPerEvent = 0.000_006;
const finalizeSeconds = 0.15;

/** Read units of a run of finalize, beside two a shard (its tail, and what it holds) and what is open. */
const runReads = 16;

/**
 * The metrics that the functions publish for a pipeline with one query, those that they publish while nothing flows,
 * and those that alarms look at.
 */
const publishedMetrics = 27;
const idleMetrics = 12;
const alarmMetrics = 22;

/** The traces a second of X-Ray's default sampling: one a second and function, and a twentieth of the rest. */
const sampled = (perSecond: number) => Math.min(perSecond, 1) + 0.05 * Math.max(0, perSecond - 1);

/** The monthly bill for a stream of events, by service, in US dollars. */
export function costOf(question: CostQuestion): CostAnswer {
  const events = question.eventsPerSecond * monthSeconds;
  const shards = question.shards === 0 ? Math.max(4, Math.ceil(question.eventsPerSecond / 1_000)) : question.shards;
  const batchesPerSecond = Math.min(shards / Math.max(question.batchSeconds, 0.2), question.eventsPerSecond);
  const batches = batchesPerSecond * monthSeconds;
  const eventsPerBatch = batches === 0 ? 0 : events / batches;
  const windows = events === 0 ? 0 : monthSeconds / question.windowSeconds;
  const ids = question.dedup === 'none' ? 0 : idBytes;
  const batchBytes = entryBytes + partialBytes(question.keys, eventsPerBatch) + ids * eventsPerBatch;
  const runs = monthSeconds / finalizeEverySeconds;
  const epochs = epochsOf(question, events > 0);
  const eventsPerEpoch = epochs === 0 ? 0 : events / epochs;
  const segments = segmentsOf(question.keys, eventsPerEpoch, windows === 0 ? 0 : epochs / windows);
  const idSegmentBytes = ids * eventsPerEpoch;
  const rows = keysIn(question.keys, windows === 0 ? 0 : events / windows);
  const writes =
    batches * unitsOf(batchBytes) +
    // Segments and ids are written, and segments told when they expire.
    epochs * (epochUnits + shards + 2 * segments.units + (ids === 0 ? 0 : unitsOf(idSegmentBytes))) +
    windows * unitsOf(rows * rowBytes) +
    // Who holds the watermark, and where, which stands still while nothing comes.
    (events > 0 ? runs : 0);
  const openBytes = windows === 0 ? 0 : segmentBytes + partialBytes(question.keys, events / windows);
  const reads = batches + runs * (runReads + 2 * shards + openBytes / (4 * 1024)) + question.requestsPerMonth * 20;
  const stateGb =
    (batches * batchBytes * (entryDays / monthDays) +
      epochs * (segments.bytes + idSegmentBytes) * (segmentDays / monthDays)) /
    gb;
  const memory = (name: keyof typeof functions) => functions[name].memoryMb / 1024;
  const kinesis = kinesisBill(question, events);
  const tidemark = {
    Kinesis: kinesis,
    Lambda: lambdaBill([
      [batches, batchOverheadSeconds + eventsPerBatch * secondsPerEvent, memory('aggregate')],
      [runs, finalizeSeconds, memory('finalize')],
      [question.requestsPerMonth, 0.05, memory('query')],
    ]),
    DynamoDB: dynamodbBill(writes, reads, (windows * 12 * rows * rowBytes) / gb) + stateGb * prices.dynamodb.gbMonth,
    'API Gateway': (question.requestsPerMonth / million) * prices.apiGateway.millionRequests,
    CloudWatch: cloudwatchBill(batches + runs, events > 0),
    'X-Ray': ((sampled(batchesPerSecond) + runs / monthSeconds) * monthSeconds * prices.xray.millionTraces) / million,
  };
  const noEvents = { ...question, eventsPerSecond: 0, requestsPerMonth: 0 };
  return {
    tidemark,
    idle: question.eventsPerSecond === 0 ? tidemark : costOf(noEvents).tidemark,
    writePerMessage: {
      Kinesis: kinesis,
      Lambda: lambdaBill([[batches, batchOverheadSeconds + eventsPerBatch * 0.0005, memory('aggregate')]]),
      DynamoDB: dynamodbBill(events, 0, 0),
    },
    managedFlink: { Kinesis: kinesis, 'Managed Flink': flinkBill(question.eventsPerSecond) },
    writeUnitsPerMillion: events === 0 ? 0 : (writes / events) * million,
  };
}

/** How many of the keys some events have, where each has one at random. */
function keysIn(keys: number, events: number): number {
  return keys * (1 - (1 - 1 / keys) ** events);
}

/**
 * The bytes of the partial aggregates of some events, sorted by key and compressed: a byte for the count, and the
 * distance to the next key. Measured for names like `user-012345` (`npm run bench -- writes`).
 */
function partialBytes(keys: number, events: number): number {
  const held = keysIn(keys, events);
  return held === 0 ? 0 : held * (1.1 + Math.log2((Math.E * keys) / held) / 8);
}

/** Write units of an item, or of the items that hold so many bytes. */
function unitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 1024));
}

/**
 * Epochs in a month: one when a window ends, and one by the schedule when a log has become long, or an hour old. There
 * is at most one a second.
 */
function epochsOf({ windowSeconds, batchSeconds }: CostQuestion, isFlowing: boolean): number {
  if (!isFlowing) return 0;
  const longSeconds =
    Math.ceil((mostEntries * Math.max(batchSeconds, 0.2)) / finalizeEverySeconds) * finalizeEverySeconds;
  const byLength = 1 / Math.min(longSeconds, 3_600 + finalizeEverySeconds);
  const byWindow = 1 / windowSeconds;
  // A log that is cut for a window's end is not long.
  return monthSeconds * Math.min(1, windowSeconds < longSeconds ? byWindow : byLength + byWindow);
}

/** What an epoch writes of segments, with its part of the merges that the windows live to see. */
function segmentsOf(keys: number, eventsPerEpoch: number, epochsPerWindow: number) {
  // While windows are shorter than an epoch or as long, an epoch touches two: late events, and those that follow.
  const own = epochsPerWindow > 1 ? 1 : 2;
  let units = 0;
  let bytes = 0;
  for (let size = 1; size === 1 || size <= epochsPerWindow; size *= mergeFactor) {
    const each = segmentBytes + partialBytes(keys, eventsPerEpoch * size);
    units += (size === 1 ? own - 1 + unitsOf(each) : unitsOf(each)) / size;
    bytes += each / size;
  }
  return { units, bytes };
}

/** The sum of a bill. */
export function totalOf(bill: Bill): number {
  return Object.values(bill).reduce((total, dollars) => total + dollars, 0);
}

function kinesisBill({ shards, eventBytes }: CostQuestion, events: number): number {
  const { kinesis } = prices;
  if (shards > 0)
    return shards * hours * (kinesis.shardHour + kinesis.shardHourKept) + (events / million) * kinesis.millionPutUnits;
  // On demand, the size of each record is rounded up to a kilobyte.
  const volume = (events * Math.ceil(eventBytes / 1024) * 1024) / gb;
  const kept = (volume / hours) * 24 * 6;
  return (
    hours * kinesis.onDemandStreamHour +
    volume * (kinesis.onDemandGbIn + kinesis.onDemandGbOut) +
    kept * kinesis.onDemandGbMonthKept
  );
}

function lambdaBill(
  functionUse: readonly (readonly [invocations: number, seconds: number, gigabytes: number])[],
): number {
  const { lambda } = prices;
  return functionUse.reduce(
    (total, [invocations, seconds, gigabytes]) =>
      total + invocations * seconds * gigabytes * lambda.gbSecond + (invocations / million) * lambda.millionRequests,
    0,
  );
}

function dynamodbBill(writes: number, reads: number, windowsGb: number): number {
  const { dynamodb } = prices;
  return (
    (writes * dynamodb.millionWrites + reads * dynamodb.millionReads) / million +
    windowsGb * (dynamodb.gbMonth + dynamodb.gbMonthRecovery)
  );
}

/**
 * Each invocation writes a line of metrics of some 1 KB. Metrics are paid for in the hours in which they are published.
 */
function cloudwatchBill(invocations: number, isFlowing: boolean): number {
  const { cloudwatch } = prices;
  const metrics = isFlowing ? publishedMetrics : idleMetrics;
  return (
    metrics * cloudwatch.metricMonth +
    alarmMetrics * cloudwatch.alarmMetricMonth +
    cloudwatch.dashboardMonth +
    ((invocations * 1024) / gb) * cloudwatch.logsGb
  );
}

/**
 * A unit (1 vCPU) for every 20,000 events a second, which is generous, and one unit that orchestrates. The bill is
 * never for less than these two units.
 */
function flinkBill(eventsPerSecond: number): number {
  const { flink } = prices;
  const units = Math.max(1, Math.ceil(eventsPerSecond / 20_000));
  return (units + 1) * hours * flink.unitHour + units * flink.storageGbOfUnit * flink.storageGbMonth;
}
