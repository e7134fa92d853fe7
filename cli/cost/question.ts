import type { SinkKind } from '../../functions/core/definition/sink.ts';
import { functions, mapping, streamRetentionHours } from '../../functions/core/deployment/settings.ts';

/** The sinks that a deployment can have: all kinds but the one of this machine. */
export type DeployedSink = Exclude<SinkKind, 'file'>;

/** How events come into the stream: put by their producers, or by a function of the stack. */
export type CostSource = 'put' | 'ingest' | 'objects' | 'changes';

/** The question: a stream of events, how it is counted, and how it is deployed. */
export interface CostQuestion {
  readonly eventsPerSecond: number;
  readonly eventBytes: number;
  /** Events in a record of the stream: more than one where producers pack them (KPL), or put lines. */
  readonly eventsPerRecord: number;
  /** The number of keys in a window. */
  readonly keys: number;
  /** Numbered names share most of their letters; random ones are UUIDs. */
  readonly keyNames: 'numbered' | 'random';
  /** Queries, each with as many keys, and the same windows. */
  readonly queries: number;
  /** Aggregates of a query: counts, sums, means, least, greatest. */
  readonly aggregates: number;
  readonly windowSeconds: number;
  /** Allowed lateness: how long a window stays open behind its end. */
  readonly latenessSeconds: number;
  /** How long results wait for events that come out of order. */
  readonly delaySeconds: number;
  /** Whether the pipeline deduplicates by an id. */
  readonly dedup: 'none' | 'ids';
  /** The share of events that are late or rejected: each is written to the side output. */
  readonly sideShare: number;
  /** Shards of a provisioned stream; 0: a stream on demand. */
  readonly shards: number;
  readonly retentionHours: number;
  /** Most records in an invocation of aggregate. */
  readonly batchRecords: number;
  /** The event source mapping's batch window. */
  readonly batchSeconds: number;
  /** Memory of aggregate. */
  readonly memoryMb: number;
  readonly source: CostSource;
  /** Events in a request to `ingest`, or in an object. */
  readonly eventsPerRequest: number;
  readonly sinks: readonly DeployedSink[];
  /** Requests to the query API. */
  readonly requestsPerMonth: number;
  /** Whether there are alarms, a dashboard and access logs (`-c operations=false`). */
  readonly monitoring: 'all' | 'none';
  readonly tracing: 'on' | 'off';
  /** How long windows are kept, in months: the table has no expiry. */
  readonly windowMonths: number;
}

/** What is asked where nothing else is said: the defaults of a deployment. */
export const usualQuestion: CostQuestion = {
  eventsPerSecond: 1000,
  eventBytes: 200,
  eventsPerRecord: 1,
  keys: 100,
  keyNames: 'numbered',
  queries: 1,
  aggregates: 1,
  windowSeconds: 3600,
  latenessSeconds: 0,
  delaySeconds: 60,
  dedup: 'none',
  sideShare: 0,
  shards: 0,
  retentionHours: streamRetentionHours,
  batchRecords: mapping.batchSize,
  batchSeconds: mapping.batchWindowSeconds,
  memoryMb: functions.aggregate.memoryMb,
  source: 'put',
  eventsPerRequest: 100,
  sinks: [],
  requestsPerMonth: 100_000,
  monitoring: 'all',
  tracing: 'off',
  windowMonths: 12,
};
