/** The three tables (DESIGN section 5) as data: the CDK app and the embedded runner create what is written here. */

/**
 * Shape of a table: a string partition key, a string sort key and, where items expire, the attribute with the expiry in
 * epoch seconds.
 */
export interface TableShape {
  readonly partitionKey: string;
  readonly sortKey: string;
  readonly timeToLive?: string;
}

/** All tables are on demand (pay per request), keys are strings. */
export const tables = {
  /** Internal: horizon, shard progress, registry, pages. */
  state: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' },
  /**
   * The product: the manifests of emitted windows, `window` being `start/end` in ISO 8601, and the parts of large ones.
   */
  windows: { partitionKey: 'query', sortKey: 'window' },
  /** The side output: rejected and late events. */
  rejects: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' },
} as const satisfies Record<string, TableShape>;

/** The one partition of the state table that the query function may write to: what cursors are signed with. */
export const secretPartition = 'secret';

/**
 * The partitions of the state table that the function of a sink uses, `*` standing for any query: what waits for it,
 * what it gave up, what it sent last, and whose turn it is (functions/state/sinks/outbox.ts, delivery.ts).
 */
export function sinkPartitions(sink: string): readonly string[] {
  return [`sink#${sink}`, ...['outbox', 'dead', 'sent'].map((kind) => `${kind}#${sink}#*`)];
}

/** The name of one of the three tables. */
export type TableName = keyof typeof tables;

/**
 * The environment variables through which a function learns where its tables and its stream are. Everything else
 * (region, credentials, `AWS_ENDPOINT_URL*`) is the SDK's own.
 */
export const environmentNames = {
  /** The Kinesis stream, or the Kafka topic. */
  stream: 'TIDEMARK_STREAM',
  /**
   * How to reach the brokers of the topic, a KafkaSource (core/definition/kafka-source.ts) without its topic in JSON; not set: the
   * stream is one of Kinesis.
   */
  kafka: 'TIDEMARK_KAFKA',
  state: 'TIDEMARK_STATE_TABLE',
  windows: 'TIDEMARK_WINDOWS_TABLE',
  rejects: 'TIDEMARK_REJECTS_TABLE',
  /**
   * The finalize function, which aggregate asks for a run when its shard's watermark passes the end of a window; not
   * set: it waits for the schedule.
   */
  finalize: 'TIDEMARK_FINALIZE_FUNCTION',
  /** `on` tells the query function that events can be posted to the API: its description then says how. */
  ingest: 'TIDEMARK_INGEST',
  /** The queue of notifications about objects, for one that takes more than one invocation. */
  objectsQueue: 'TIDEMARK_OBJECTS_QUEUE_URL',
  logLevel: 'TIDEMARK_LOG_LEVEL',
  /** Tells this deployment's metrics and logs from another one's of the same pipeline. */
  deployment: 'TIDEMARK_DEPLOYMENT',
  /**
   * For finalize: the functions of the sinks that are served, JSON by the sink's name, null for one that is not asked
   * for runs; not set: nothing is published.
   */
  sinks: 'TIDEMARK_SINKS',
  /**
   * For the function of a sink: which one it is, and what it delivers to (a URL, a name or an ARN, as its client wants
   * it).
   */
  sink: 'TIDEMARK_SINK',
  sinkTarget: 'TIDEMARK_SINK_TARGET',
  /** For a webhook: what its requests are signed with; or the ARN of the secret in Secrets Manager that says so. */
  sinkSecret: 'TIDEMARK_SINK_SECRET',
  sinkSecretArn: 'TIDEMARK_SINK_SECRET_ARN',
} as const;

/**
 * Over which partitions of the state table the notes about fed objects are spread: the only ones that the function of
 * that source may write to.
 */
export const objectPartitions = Array.from({ length: 4 }, (_, i) => `object#${i}`);
