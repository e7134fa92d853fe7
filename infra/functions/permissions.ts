import type { FunctionName, SourceName } from '../../functions/core/deployment/settings.ts';
import type { TableName } from '../../functions/core/deployment/tables.ts';

/** An action on a table, without its `dynamodb:` prefix. */
export type TableAction = 'BatchWriteItem' | 'DeleteItem' | 'GetItem' | 'PutItem' | 'Query' | 'UpdateItem';

/**
 * What each function may do to each table, and nothing else: no Scan anywhere, no deletes by the function that handles
 * users' records, no writes by the one that answers queries. A call that a function needs is added here, and the
 * template test that lists these fails until it agrees.
 */
export const tablePermissions = {
  aggregate: {
    state: ['GetItem', 'PutItem', 'Query', 'UpdateItem'],
    windows: [],
    rejects: ['BatchWriteItem'],
  },
  finalize: {
    state: ['DeleteItem', 'GetItem', 'Query', 'UpdateItem'],
    windows: ['BatchWriteItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query'],
    rejects: ['Query', 'UpdateItem'],
  },
  query: {
    state: ['GetItem', 'Query'],
    windows: ['GetItem', 'Query'],
    rejects: ['Query'],
  },
} as const satisfies Readonly<Record<FunctionName, Readonly<Record<TableName, readonly TableAction[]>>>>;

/**
 * What the function of a sink may do: in the state to partitions of its own only (functions/core/deployment/tables.ts,
 * sinkPartitions).
 */
export const sinkPermissions = {
  state: ['DeleteItem', 'GetItem', 'Query', 'UpdateItem'],
  windows: ['GetItem', 'Query'],
} as const satisfies Readonly<Partial<Record<TableName, readonly TableAction[]>>>;

/**
 * What each function may do to the stream. For aggregate: what Lambda's poller needs, which acts with the function's
 * role (https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html, less the actions of enhanced fan-out and the
 * account-wide ListStreams); ListShards also tells deduplication a shard's parents. For finalize: listing the shards,
 * and the reads that prove a shard drained or idle (DESIGN 4.2, step 1). DescribeStreamSummary, for both, tells a
 * stream from another one that was created under its name (functions/state/stream/stream-identity.ts).
 */
export const streamPermissions = {
  aggregate: [
    'kinesis:DescribeStream',
    'kinesis:DescribeStreamSummary',
    'kinesis:GetRecords',
    'kinesis:GetShardIterator',
    'kinesis:ListShards',
  ],
  finalize: ['kinesis:DescribeStreamSummary', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'],
  query: [],
} as const satisfies Readonly<Record<FunctionName, readonly string[]>>;

/**
 * What each function may do in an MSK cluster with IAM, by what it is done to. For aggregate: what Lambda's pollers
 * need, which act with its role (https://docs.aws.amazon.com/lambda/latest/dg/msk-permissions.html). For both: to see
 * which topic it is and, for finalize, which partitions there are and whether something comes after a record, which is
 * a read.
 */
export const kafkaPermissions = {
  aggregate: {
    cluster: ['kafka-cluster:Connect', 'kafka-cluster:DescribeClusterDynamicConfiguration'],
    topic: ['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'],
    group: ['kafka-cluster:AlterGroup', 'kafka-cluster:DescribeGroup'],
  },
  finalize: {
    cluster: ['kafka-cluster:Connect'],
    topic: ['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'],
    group: [],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<'cluster' | 'topic' | 'group', readonly string[]>>>>;

/** What Lambda's pollers ask MSK about a cluster. */
export const mskPollerPermissions = [
  'kafka:DescribeCluster',
  'kafka:DescribeClusterV2',
  'kafka:GetBootstrapBrokers',
  'kafka:ListScramSecrets',
] as const;

/** What Lambda needs to put its pollers into a network, with the role of aggregate. */
export const pollerNetworkPermissions = [
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcs',
] as const;

/**
 * What Lambda needs to run a function in a VPC, with the function's role: the policy AWSLambdaVPCAccessExecutionRole
 * without its logs.
 */
export const networkPermissions = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
] as const;

/**
 * What the function of each source may do to the stream: put records, know the shards where records are packed for
 * them, and, after an attempt that died, look for what it had put.
 */
export const sourceStreamPermissions = {
  ingest: ['kinesis:PutRecords'],
  objects: ['kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards', 'kinesis:PutRecords'],
  changes: ['kinesis:ListShards', 'kinesis:PutRecords'],
} as const satisfies Readonly<Record<SourceName, readonly string[]>>;
