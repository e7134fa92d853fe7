/** The three tables (DESIGN section 5) as data, from which the CDK app and the embedded runner create them. */

/**
 * The shape of a table: a string partition key, a string sort key and, where items expire, the attribute with the
 * expiry in epoch seconds.
 */
export interface TableShape {
  readonly partitionKey: string;
  readonly sortKey: string;
  readonly timeToLive?: string;
}

/** The tables. All are on demand (pay per request), and their keys are strings. */
export const tables = {
  /** Internal: logs, epochs, plans, segments, open sessions, outboxes. */
  state: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' },
  /**
   * The product: the manifests of emitted windows, and the parts of large ones. `window` is `start/end` in ISO 8601.
   */
  windows: { partitionKey: 'query', sortKey: 'window' },
  /** The side output: rejected and late events. */
  rejects: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' },
} as const satisfies Record<string, TableShape>;

/**
 * The partition of the secret that signs cursors. It is the only one of the state table that the query function may
 * write to.
 */
export const secretPartition = 'secret';

/**
 * The partitions of the state table that the function of a sink uses; `*` stands for any query. They hold the panes
 * that wait for the sink, those that it gave up, those that it sent last, and whose turn it is
 * (functions/state/sinks/outbox.ts, delivery.ts).
 */
export function sinkPartitions(sink: string): readonly string[] {
  return [`sink#${sink}`, ...['outbox', 'dead', 'sent'].map((kind) => `${kind}#${sink}#*`)];
}

/** The name of one of the three tables. */
export type TableName = keyof typeof tables;

/**
 * The environment variables that tell a function its tables and its stream. Everything else (region, credentials,
 * `AWS_ENDPOINT_URL*`) is the SDK's own.
 */
export const environmentNames = {
  /** The Kinesis stream, or the Kafka topic. */
  stream: 'TIDEMARK_STREAM',
  /**
   * How to reach the brokers of the topic: a KafkaSource (core/definition/kafka-source.ts) without its topic, in JSON.
   * Not set: the stream is one of Kinesis.
   */
  kafka: 'TIDEMARK_KAFKA',
  state: 'TIDEMARK_STATE_TABLE',
  windows: 'TIDEMARK_WINDOWS_TABLE',
  rejects: 'TIDEMARK_REJECTS_TABLE',
  /**
   * The finalize function. The aggregate function asks it for a run when its shard's watermark passes the end of a
   * window. Not set: finalize waits for the schedule.
   */
  finalize: 'TIDEMARK_FINALIZE_FUNCTION',
  /**
   * For finalize: most invocations that it starts of itself to take tasks of an epoch beside it. Not set, or 0: one run
   * does all tasks of an epoch.
   */
  tasksAtATime: 'TIDEMARK_TASKS_AT_A_TIME',
  /** `on` tells the query function that events can be posted to the API. Its description of the API then says how. */
  ingest: 'TIDEMARK_INGEST',
  /**
   * For query: `on` when CloudWatch keeps the deployment's metrics, so that the API has a history. Not set: the history
   * is empty.
   */
  history: 'TIDEMARK_HISTORY',
  /** For query: the stack, by which the command line finds the deployment. Not set: it is found by its API's port. */
  stack: 'TIDEMARK_STACK',
  /** The queue of notifications about objects, for an object that takes more than one invocation. */
  objectsQueue: 'TIDEMARK_OBJECTS_QUEUE_URL',
  logLevel: 'TIDEMARK_LOG_LEVEL',
  /** Tells this deployment's metrics and logs from another one's of the same pipeline. */
  deployment: 'TIDEMARK_DEPLOYMENT',
  /**
   * For finalize: the functions of the sinks that are served, JSON by the sink's name, null for a function that is not
   * asked for runs. Not set: nothing is published.
   */
  sinks: 'TIDEMARK_SINKS',
  /**
   * For the function of a sink: the name of its sink, and the target that it delivers to (a URL, a name or an ARN, as
   * its client wants it).
   */
  sink: 'TIDEMARK_SINK',
  sinkTarget: 'TIDEMARK_SINK_TARGET',
  /** For a webhook: the secret that signs its requests, or the ARN of the secret in Secrets Manager that holds it. */
  sinkSecret: 'TIDEMARK_SINK_SECRET',
  sinkSecretArn: 'TIDEMARK_SINK_SECRET_ARN',
} as const;

/**
 * The partitions of the state table over which the notes about fed objects are spread. The function of that source may
 * write to no others.
 */
export const objectPartitions = Array.from({ length: 4 }, (_, i) => `object#${i}`);
