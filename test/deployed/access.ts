import {
  BatchWriteItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis';
import type { TableShape } from '../../functions/core/deployment/tables.ts';
import type { TableAction } from '../../infra/functions/permissions.ts';
import { type Keys, queryCall } from './signed-call.ts';
import type { Target } from './target.ts';

type TableCall = (client: DynamoDBClient, TableName: string, shape: TableShape) => Promise<unknown>;

/** The key of an item that does not exist. */
const keyOf = ({ partitionKey, sortKey }: TableShape) => ({
  [partitionKey]: { S: 'nobody' },
  [sortKey]: { S: 'nothing' },
});
/**
 * A condition that never holds for an item that does not exist. A write with it is allowed or not, and changes nothing.
 */
const never = { ConditionExpression: 'attribute_exists(#a)', ExpressionAttributeNames: { '#a': 'none' } } as const;

/**
 * Each action that a function may have on a table, as a call that changes nothing. Scan, which no function may have, is
 * among them.
 */
export const tableCalls: Readonly<Record<TableAction | 'Scan', TableCall>> = {
  BatchWriteItem: (client, TableName, shape) =>
    client.send(
      new BatchWriteItemCommand({ RequestItems: { [TableName]: [{ DeleteRequest: { Key: keyOf(shape) } }] } }),
    ),
  DeleteItem: (client, TableName, shape) =>
    client.send(new DeleteItemCommand({ TableName, Key: keyOf(shape), ...never })),
  GetItem: (client, TableName, shape) => client.send(new GetItemCommand({ TableName, Key: keyOf(shape) })),
  PutItem: (client, TableName, shape) => client.send(new PutItemCommand({ TableName, Item: keyOf(shape), ...never })),
  Query: (client, TableName, { partitionKey }) =>
    client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: '#p = :p',
        ExpressionAttributeNames: { '#p': partitionKey },
        ExpressionAttributeValues: { ':p': { S: 'nobody' } },
      }),
    ),
  Scan: (client, TableName) => client.send(new ScanCommand({ TableName, Limit: 1 })),
  UpdateItem: (client, TableName, shape) =>
    client.send(new UpdateItemCommand({ TableName, Key: keyOf(shape), ...never })),
};

/** The arguments of the calls on a stream. */
interface OneStream {
  readonly StreamName: string;
  readonly StreamARN: string;
  readonly ShardIterator: string;
}

type StreamCall = (client: KinesisClient, stream: OneStream) => Promise<unknown>;

/** Each action that a function may have on the stream, and PutRecord, which no function may have. */
export const streamCalls: Readonly<Record<string, StreamCall>> = {
  DescribeStream: (client, { StreamName }) => client.send(new DescribeStreamCommand({ StreamName })),
  DescribeStreamSummary: (client, { StreamName }) => client.send(new DescribeStreamSummaryCommand({ StreamName })),
  // With the stream's name, which AWS does not need; see allowIterators.
  GetRecords: (client, { StreamARN, ShardIterator }) =>
    client.send(new GetRecordsCommand({ StreamARN, ShardIterator })),
  GetShardIterator: (client, { StreamName }) =>
    client.send(
      new GetShardIteratorCommand({ StreamName, ShardId: 'shardId-000000000000', ShardIteratorType: 'LATEST' }),
    ),
  ListShards: (client, { StreamName }) => client.send(new ListShardsCommand({ StreamName })),
  PutRecord: (client, { StreamName }) =>
    client.send(new PutRecordCommand({ StreamName, Data: Buffer.from('{}'), PartitionKey: 'p' })),
};

/**
 * Whether a call is allowed. A call that fails by its condition was allowed. @throws the error of a call that fails for
 * another reason
 */
export async function isAllowed(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'ConditionalCheckFailedException') return true;
    if (name === 'AccessDeniedException') return false;
    throw error;
  }
}

/** Temporary keys of a role. */
export async function assume({ endpoint }: Target, roleArn: string): Promise<Keys> {
  const parameters = { Action: 'AssumeRole', Version: '2011-06-15', RoleArn: roleArn, RoleSessionName: 'suite' };
  return keysIn((await queryCall(endpoint, 'sts', parameters)).text);
}

/** A new user of the account without any rights. */
export async function createUser({ endpoint }: Target, name: string): Promise<Keys> {
  await iam(endpoint, { Action: 'CreateUser', UserName: name });
  return keysIn(await iam(endpoint, { Action: 'CreateAccessKey', UserName: name }));
}

/** A statement of a policy. */
export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string;
  readonly Resource: string;
}

export async function allowUser({ endpoint }: Target, name: string, statement: Statement): Promise<void> {
  await iam(endpoint, {
    Action: 'PutUserPolicy',
    UserName: name,
    PolicyName: 'suite',
    PolicyDocument: documentOf(statement),
  });
}

/** Gives a role rights, or takes them. The returned function undoes it. */
export async function changeRole(
  { endpoint }: Target,
  roleArn: string,
  statement: Statement,
): Promise<() => Promise<void>> {
  const RoleName = roleArn.split('/').at(-1) ?? '';
  await iam(endpoint, {
    Action: 'PutRolePolicy',
    RoleName,
    PolicyName: 'suite',
    PolicyDocument: documentOf(statement),
  });
  return async () => {
    await iam(endpoint, { Action: 'DeleteRolePolicy', RoleName, PolicyName: 'suite' });
  };
}

/**
 * On ministack, gives a role the right to GetRecords of all streams. A call with an iterator names no stream. For such
 * a call ministack demands the right on all resources, while AWS knows the iterator's stream.
 */
export async function allowIterators(target: Target, roleArn: string): Promise<() => Promise<void>> {
  if (target.kind !== 'ministack' || target.iam !== 'enforced') return async () => undefined;
  return changeRole(target, roleArn, { Effect: 'Allow', Action: 'kinesis:GetRecords', Resource: '*' });
}

function documentOf(statement: Statement): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}

async function iam(endpoint: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const { status, text } = await queryCall(endpoint, 'iam', { Version: '2010-05-08', ...parameters });
  if (status !== 200) throw new Error(`IAM ${parameters['Action']}: ${status} ${text}`);
  return text;
}

function keysIn(xml: string): Keys {
  const read = (name: string) => new RegExp(`<${name}>([^<]+)<`).exec(xml)?.[1];
  const [accessKeyId, secretAccessKey, sessionToken] = [
    read('AccessKeyId'),
    read('SecretAccessKey'),
    read('SessionToken'),
  ];
  if (accessKeyId === undefined || secretAccessKey === undefined) throw new Error(`no keys: ${xml}`);
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
