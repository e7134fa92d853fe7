/** The limits of an AWS account that the simulation holds to. */
export interface AwsLimits {
  /** Write and read units a second of one partition key. Bursts are not to be relied on, so there are none. */
  readonly partitionWrites: number;
  readonly partitionReads: number;
  /** Write and read units a second of a whole table on demand: the default quota of an account. */
  readonly tableWrites: number;
  readonly tableReads: number;
  readonly itemBytes: number;
  readonly pageBytes: number;
  /** Items of one BatchWriteItem and of one BatchGetItem, and the bytes that the latter answers with. */
  readonly batchWrite: number;
  readonly batchGet: number;
  readonly batchGetBytes: number;
  /** How long DynamoDB and Kinesis take for a call, in ms, both ways together. */
  readonly callMs: number;
  /** CPU of a function for a call, in ms: signing, JSON, TLS. */
  readonly callCpuMs: number;
  /** From an asynchronous invocation to its first line, warm, in ms, and how much more when it is cold. */
  readonly invokeMs: number;
  readonly coldStartMs: number;
  /** How long an invocation may run, in ms. */
  readonly timeoutMs: number;
  /** Invocations of the account that run at the same time. */
  readonly concurrency: number;
  readonly payloadBytes: number;
}

/**
 * DynamoDB's and Lambda's quotas as AWS documents them (Amazon DynamoDB developer guide, "quotas" and "designing
 * partition keys"; Lambda developer guide, "quotas"). 1,769 MB is one vCPU.
 */
export const awsLimits: AwsLimits = {
  partitionWrites: 1_000,
  partitionReads: 3_000,
  tableWrites: 40_000,
  tableReads: 40_000,
  itemBytes: 400 * 1024,
  pageBytes: 1024 * 1024,
  batchWrite: 25,
  batchGet: 100,
  batchGetBytes: 16 * 1024 * 1024,
  callMs: 5,
  callCpuMs: 1.1,
  invokeMs: 30,
  coldStartMs: 500,
  timeoutMs: 60_000,
  concurrency: 1_000,
  payloadBytes: 6 * 1024 * 1024,
};
