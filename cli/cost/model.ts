import { finalizeEverySeconds, functions, streamRetentionHours } from '../../functions/core/deployment/settings.ts';
import { pageCountFor } from '../../functions/core/fold/page-hash.ts';
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
const gb = 2 ** 30;
const million = 1_000_000;

/** The size of a key and a count in a page, in bytes: 100 keys came to 4 pages in the bench. */
const bytesPerKey = 25;

/** The size of a row in a manifest, in bytes. */
const rowBytes = 60;

/**
 * The log of ids: the bytes of an event, the bytes of an item beside its events, and the days it is kept. They are the
 * stream's retention and two days more.
 */
const idBytes = 9;
const logItemBytes = 200;
const logDays = streamRetentionHours / 24 + 2;

/**
 * The seconds of an invocation beyond its events, and the seconds of each event. They were measured on this project's
 * machine and doubled.
 */
const batchOverheadSeconds = 0.03;
const secondsPerEvent = 0.000_006;
const finalizeSeconds = 0.15;

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
  const pages = pageCountFor(question.keys * bytesPerKey);
  const touched = Math.min(pages, eventsPerBatch);
  const windows = events === 0 ? 0 : monthSeconds / question.windowSeconds;
  const manifestUnits = Math.ceil((question.keys * rowBytes) / 1024);
  // Closing, expiring, and registering a page's bucket; raising the horizon.
  const windowUnits = shards * (2 * pages + 3) + manifestUnits + 2;
  const logUnits =
    question.dedup === 'none' || batches === 0 ? 0 : Math.ceil((eventsPerBatch * idBytes + logItemBytes) / 1024);
  const logGb = question.dedup === 'none' ? 0 : (question.eventsPerSecond * 86_400 * logDays * idBytes) / gb;
  const writes = batches * (touched + 1 + logUnits) + windows * windowUnits;
  const runs = monthSeconds / finalizeEverySeconds;
  const reads = batches + runs * 10 + question.requestsPerMonth * 20;
  const memory = (name: keyof typeof functions) => functions[name].memoryMb / 1024;
  const kinesis = kinesisBill(question, events);
  const tidemark = {
    Kinesis: kinesis,
    Lambda: lambdaBill([
      [batches, batchOverheadSeconds + eventsPerBatch * secondsPerEvent, memory('aggregate')],
      [runs, finalizeSeconds, memory('finalize')],
      [question.requestsPerMonth, 0.05, memory('query')],
    ]),
    DynamoDB:
      dynamodbBill(writes, reads, (windows * 12 * question.keys * rowBytes) / gb) + logGb * prices.dynamodb.gbMonth,
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
