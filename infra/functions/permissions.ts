import type { FunctionName, SourceName } from '../../functions/core/deployment/settings.ts';
import type { TableName } from '../../functions/core/deployment/tables.ts';

/** An action on a table, without its `dynamodb:` prefix. */
export type TableAction = 'BatchWriteItem' | 'DeleteItem' | 'GetItem' | 'PutItem' | 'Query' | 'UpdateItem';

/**
 * The rights of each function on each table, and nothing else. There is no Scan anywhere, no delete by the function
 * that handles users' records, and no write by the one that answers queries. A call that a function needs is added
 * here. The template test that lists these fails until it agrees.
 */
export const tablePermissions = {
  aggregate: {
    state: ['BatchWriteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
    windows: [],
    rejects: ['BatchWriteItem'],
  },
  finalize: {
    state: ['BatchWriteItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
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
 * The rights of the function of a sink. In the state they cover only its own partitions
 * (functions/core/deployment/tables.ts, sinkPartitions).
 */
export const sinkPermissions = {
  state: ['DeleteItem', 'GetItem', 'Query', 'UpdateItem'],
  windows: ['GetItem', 'Query'],
} as const satisfies Readonly<Partial<Record<TableName, readonly TableAction[]>>>;

/**
 * The rights of each function on the stream. Aggregate has the rights that Lambda's poller needs, because the poller
 * acts with the function's role (https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html, less the actions of
 * enhanced fan-out and the account-wide ListStreams). ListShards also gives deduplication a shard's parents. Finalize
 * may list the shards and make the reads that prove a shard drained or idle (DESIGN 4.2, step 1).
 * DescribeStreamSummary, for both, distinguishes a stream from another one that was created under its name
 * (functions/state/stream/stream-identity.ts).
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
 * The rights of each function in an MSK cluster with IAM, by the resource. Aggregate has the rights that Lambda's
 * pollers need, because they act with its role (https://docs.aws.amazon.com/lambda/latest/dg/msk-permissions.html).
 * Both may see which topic it is. Finalize may also see which partitions there are, and whether something comes after a
 * record, which is a read.
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

/** The requests of Lambda's pollers to MSK about a cluster. */
export const mskPollerPermissions = [
  'kafka:DescribeCluster',
  'kafka:DescribeClusterV2',
  'kafka:GetBootstrapBrokers',
  'kafka:ListScramSecrets',
] as const;

/** The rights that Lambda needs to put its pollers into a network, with the role of aggregate. */
export const pollerNetworkPermissions = [
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeSubnets',
  'ec2:DescribeVpcs',
] as const;

/**
 * The rights that Lambda needs to run a function in a VPC, with the function's role: the policy
 * AWSLambdaVPCAccessExecutionRole without its logs.
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
 * The rights of the function of each source on the stream. It puts records. It knows the shards where records are
 * packed for them. After an attempt that died, it looks for the records that the attempt had put.
 */
export const sourceStreamPermissions = {
  ingest: ['kinesis:PutRecords'],
  objects: ['kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards', 'kinesis:PutRecords'],
  changes: ['kinesis:ListShards', 'kinesis:PutRecords'],
} as const satisfies Readonly<Record<SourceName, readonly string[]>>;
