/**
 * The numbers that decide how the functions are run. The CDK app and the embedded runner both use this one place, so
 * that what was tried on a laptop is what is deployed (DESIGN section 7).
 */

/** The event source mapping from the stream to the aggregate function. */
export const mapping = {
  /** Most Kinesis records in one invocation; 10,000 is Lambda's own upper bound. */
  batchSize: 10_000,
  /**
   * How long Lambda gathers a batch, in seconds. An entry is written once a batch, so a longer window costs less, and
   * results show later.
   */
  batchWindowSeconds: 1,
  /** Most bytes of payload in one invocation: Lambda's limit for an event, 6 MB. */
  batchBytes: 6 * 1024 * 1024,
  /**
   * One invocation a shard at a time. The protocol relies on it for its cost only, never for its correctness (DESIGN
   * section 4).
   */
  parallelizationFactor: 1,
} as const;

/** The time-outs (seconds) and sizes (MB; 1,769 MB is one full vCPU) of the functions. */
export const functions = {
  aggregate: { timeoutSeconds: 60, memoryMb: 1769 },
  finalize: { timeoutSeconds: 60, memoryMb: 1769 },
  query: { timeoutSeconds: 29, memoryMb: 1769 },
} as const;

/**
 * The function of a sink. It waits for its target more than it computes. A delivery is begun only while ten
 * seconds are left.
 */
export const deliver = { timeoutSeconds: 60, memoryMb: 512 } as const;

/**
 * The functions of sources. A stack has them only when it asks for them. Their events go into the stream. So they may
 * take as long as Lambda lets them, except `ingest`, which answers.
 */
export const sourceFunctions = {
  ingest: { timeoutSeconds: 29, memoryMb: 1024 },
  objects: { timeoutSeconds: 900, memoryMb: 1769 },
  changes: { timeoutSeconds: 60, memoryMb: 1024 },
} as const;

/** The name of the function of a source: HTTP, S3 objects, DynamoDB Streams. */
export type SourceName = keyof typeof sourceFunctions;

/** Least size, in bytes, of the API's answers that are compressed on their way, where the client takes gzip. */
export const compressedBytes = 1024;

/** The namespace of the metrics that the functions publish themselves. */
export const metricNamespace = 'Tidemark';

/** The name of one of the three functions. */
export type FunctionName = keyof typeof functions;

/** How often the finalize function is invoked, in seconds. EventBridge rules go no faster than once a minute. */
export const finalizeEverySeconds = 60;

/**
 * Most invocations of finalize that one which leads starts to take tasks of an epoch beside it, where these are more than
 * one run should do (DESIGN 4.2).
 */
export const finalizeTasksAtATime = 50;

/**
 * Runs of finalize besides those that take tasks: one that works, and one that is asked for meanwhile. Both together
 * are reserved.
 */
export const finalizeRunsAtATime = 2;

/** How long the stream keeps records, in hours. What nobody needs any more is kept two days longer (DESIGN 4.5). */
export const streamRetentionHours = 7 * 24;

/**
 * The greatest age of an entry of a log that no epoch has gathered, in days (DESIGN 4.5). A shard with an older one
 * takes no more records. An alarm goes off at a quarter of it.
 */
export const mostUngatheredDays = 14;
