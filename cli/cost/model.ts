import { deliver, finalizeEverySeconds, functions, sourceFunctions } from '../../functions/core/deployment/settings.ts';
import { type Flow, flowOf } from './flow.ts';
import { monitoringBill, monitoringOf } from './monitoring.ts';
import { prices } from './prices.ts';
import type { CostQuestion } from './question.ts';
import { keysIn } from './sizes.ts';
import { type TableUse, tableUseOf } from './units.ts';

/** Dollars a month, by service or by term. */
export type Bill = Readonly<Record<string, number>>;

/** A bill: dollars a month of each term, and of each service that its terms belong to. */
export interface CostBill {
  /** By the name of the term, as docs/cost.md explains it: `Lambda aggregate`, `DynamoDB entries`, ... */
  readonly terms: Bill;
  readonly services: Bill;
  readonly total: number;
  /** All but the stream itself. */
  readonly withoutStream: number;
  readonly writeUnitsPerMillion: number;
}

/** Hours of a month, as AWS reckons it. */
export const hours = 730;
export const monthSeconds = hours * 3_600;
const million = 1_000_000;
const gb = 2 ** 30;

/**
 * The seconds of an invocation of aggregate: what it waits for two calls, its CPU beyond events and keys, that of an
 * event and of a key of the batch, and what each further aggregate adds to them. The CPU was measured on this project's
 * machine (`npm run bench -- cpu`) and doubled.
 */
export const aggregateSeconds = {
  wait: 0.02,
  call: 0.01,
  event: 0.000_008,
  key: 0.000_025,
  furtherOfEvent: 0.000_003,
  furtherOfKey: 0.000_001_5,
} as const;

/** The CPU of a call to DynamoDB, and of a row that is decoded, merged or encoded, in seconds; calls wait beside that. */
export const finalizeSeconds = { run: 0.08, epoch: 0.1, call: 0.0011, row: 0.000_003 } as const;

/** The monthly bill of a deployment for a stream of events, in US dollars. */
export function costOf(question: CostQuestion): CostBill {
  const flow = flowOf(question);
  const use = tableUseOf(question, flow);
  const terms: Bill = {
    ...kinesisTerms(question, flow),
    ...lambdaTerms(question, flow, use),
    ...tableTerms(question, use),
    ...apiTerms(question),
    ...sinkTerms(question, flow),
    ...cloudwatchTerms(question, flow),
  };
  const services: Record<string, number> = {};
  for (const [term, dollars] of Object.entries(terms)) {
    const service = serviceOf(term);
    services[service] = (services[service] ?? 0) + dollars;
  }
  const total = sumOf(terms);
  const writes = sumOf(use.writes);
  return {
    terms,
    services,
    total,
    withoutStream: total - sumOf(kinesisTerms(question, flow)),
    writeUnitsPerMillion: question.eventsPerSecond === 0 ? 0 : (writes / question.eventsPerSecond) * million,
  };
}

/** The service of a term: its name up to the colon. */
export const serviceOf = (term: string): string => term.split(':')[0] ?? term;

/** The sum of a bill. */
export function sumOf(bill: Bill): number {
  return Object.values(bill).reduce((total, dollars) => total + dollars, 0);
}

/** The stream: shards by the hour, or the volume, and what is kept beyond a day. */
export function kinesisTerms(question: CostQuestion, { shards }: Pick<Flow, 'shards'>): Bill {
  const { kinesis } = prices;
  const { eventsPerSecond, eventsPerRecord, eventBytes, retentionHours } = question;
  const records = (eventsPerSecond / eventsPerRecord) * monthSeconds;
  const recordBytes = eventBytes * eventsPerRecord;
  const isKept = retentionHours > 24;
  if (question.shards > 0)
    return {
      'Kinesis: shards': shards * hours * kinesis.shardHour,
      'Kinesis: records': (records / million) * Math.ceil(recordBytes / kinesis.putUnitBytes) * kinesis.millionPutUnits,
      'Kinesis: retention': isKept ? shards * hours * kinesis.shardHourKept : 0,
    };
  // On demand, the size of each record is rounded up to a kilobyte.
  const volume = (records * Math.ceil(recordBytes / 1024) * 1024) / gb;
  const kept = (volume / hours) * Math.max(0, retentionHours - 24);
  return {
    'Kinesis: stream': hours * kinesis.onDemandStreamHour,
    'Kinesis: records': volume * (kinesis.onDemandGbIn + kinesis.onDemandGbOut),
    'Kinesis: retention': kept * kinesis.onDemandGbMonthKept,
  };
}

/** Invocations, and gigabytes times seconds. */
export function lambdaDollars(perSecond: number, seconds: number, memoryMb: number): number {
  const { lambda } = prices;
  const invocations = perSecond * monthSeconds;
  return invocations * seconds * (memoryMb / 1024) * lambda.gbSecond + (invocations / million) * lambda.millionRequests;
}

/** A function of less memory has less of a processor; what waits takes no longer. 1,769 MB are one. */
const scaledCpu = (cpuSeconds: number, memoryMb: number) => cpuSeconds * Math.max(1, 1769 / memoryMb);

/** The seconds of an invocation of aggregate: it waits for two calls, and folds events and writes keys by itself. */
export function secondsOfBatch(question: CostQuestion, events: number): number {
  const { queries, keys, aggregates, memoryMb } = question;
  const { wait, call, event, key, furtherOfEvent, furtherOfKey } = aggregateSeconds;
  const held = keysIn(keys, events) * queries;
  const perEvent = event + furtherOfEvent * (queries * aggregates - 1);
  const perKey = key + furtherOfKey * (aggregates - 1);
  return wait + scaledCpu(call + events * perEvent + held * perKey, memoryMb);
}

function lambdaTerms(question: CostQuestion, flow: Flow, use: TableUse): Bill {
  const { sinks, requestsPerMonth, source, eventsPerSecond, eventsPerRequest } = question;
  const { batches, eventsPerBatch, scheduledRuns, kicks, epochs, shards, windows } = flow;
  const runs = scheduledRuns + kicks;
  const cpu =
    runs * shards * finalizeSeconds.call + epochs * 2 * shards * finalizeSeconds.call + use.rows * finalizeSeconds.row;
  const perRun = finalizeSeconds.run + (epochs / runs) * finalizeSeconds.epoch + cpu / runs;
  const requests = requestsPerMonth / monthSeconds;
  const deliveries = sinks.length * (1 / finalizeEverySeconds + windows * question.queries);
  return {
    'Lambda: aggregate': lambdaDollars(batches, secondsOfBatch(question, eventsPerBatch), question.memoryMb),
    'Lambda: finalize': lambdaDollars(runs, perRun, functions.finalize.memoryMb),
    'Lambda: query': lambdaDollars(requests, 0.05, functions.query.memoryMb),
    ...(sinks.length === 0 ? {} : { 'Lambda: sinks': lambdaDollars(deliveries, 0.1, deliver.memoryMb) }),
    ...(source === 'put' ? {} : { 'Lambda: source': sourceLambda(source, eventsPerSecond, eventsPerRequest) }),
  };
}

/** The function of a source: what it waits for Kinesis for each 500 records, and 20 µs an event. */
function sourceLambda(
  source: 'ingest' | 'objects' | 'changes',
  eventsPerSecond: number,
  eventsPerRequest: number,
): number {
  // Changes of a table come in batches of a second, as the stream's do.
  const invocations = source === 'changes' ? Math.min(eventsPerSecond, 1) : eventsPerSecond / eventsPerRequest;
  if (invocations === 0) return 0;
  const events = eventsPerSecond / invocations;
  return lambdaDollars(
    invocations,
    0.02 * Math.ceil(events / 500) + events * 0.000_02,
    sourceFunctions[source].memoryMb,
  );
}

function tableTerms(question: CostQuestion, { writes, reads, stateBytes, windowBytesPerSecond }: TableUse): Bill {
  const { dynamodb } = prices;
  const written = (units: number) => (units * monthSeconds * dynamodb.millionWrites) / million;
  const windowBytes = windowBytesPerSecond * question.windowMonths * monthSeconds;
  // Who asks reads a window, a watermark and the tails, on average 20 units.
  const readUnits = sumOf(reads) * monthSeconds + question.requestsPerMonth * 20;
  return {
    ...Object.fromEntries(Object.entries(writes).map(([term, units]) => [`DynamoDB: ${term}`, written(units)])),
    'DynamoDB: reads': (readUnits * dynamodb.millionReads) / million,
    'DynamoDB: storage':
      (stateBytes / gb) * dynamodb.gbMonth + (windowBytes / gb) * (dynamodb.gbMonth + dynamodb.gbMonthRecovery),
  };
}

function apiTerms({ requestsPerMonth, source, eventsPerSecond, eventsPerRequest }: CostQuestion): Bill {
  const { apiGateway, s3, sqs } = prices;
  const requests = (eventsPerSecond / eventsPerRequest) * monthSeconds;
  return {
    'API Gateway: queries': (requestsPerMonth / million) * apiGateway.millionRequests,
    ...(source === 'ingest' ? { 'API Gateway: ingest': (requests / million) * apiGateway.millionRequests } : {}),
    // An object is one GET, and three requests to the queue that tells of it.
    ...(source === 'objects'
      ? { 'Sources: objects': (requests / million) * (s3.millionGets + 3 * sqs.millionRequests) }
      : {}),
  };
}

/** The targets of sinks, which take a request for each pane; of tables the rows are among the write units. */
function sinkTerms({ sinks, queries, latenessSeconds }: CostQuestion, { windows }: Flow): Bill {
  const panes = windows * queries * (latenessSeconds > 0 ? 2 : 1) * monthSeconds;
  return Object.fromEntries(
    [...new Set(sinks)].map((kind) => {
      const { month, millionPanes } = prices.sinks[kind];
      const count = sinks.filter((one) => one === kind).length;
      return [`Sinks: ${kind}`, count * (month + (panes / million) * millionPanes)];
    }),
  );
}

/** The traces a second of X-Ray's default sampling: one a second and function, and a twentieth of the rest. */
const sampled = (perSecond: number) => Math.min(perSecond, 1) + 0.05 * Math.max(0, perSecond - 1);

function cloudwatchTerms(question: CostQuestion, flow: Flow): Bill {
  const bill = monitoringBill(monitoringOf(question, flow, monthSeconds));
  const traces = (sampled(flow.batches) + sampled(flow.scheduledRuns + flow.kicks)) * monthSeconds;
  return {
    ...Object.fromEntries(Object.entries(bill).map(([term, dollars]) => [`CloudWatch: ${term}`, dollars])),
    ...(question.tracing === 'on' ? { 'X-Ray: traces': (traces / million) * prices.xray.millionTraces } : {}),
  };
}
