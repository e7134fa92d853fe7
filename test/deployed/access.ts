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

/** An item that nobody has. */
const keyOf = ({ partitionKey, sortKey }: TableShape) => ({
  [partitionKey]: { S: 'nobody' },
  [sortKey]: { S: 'nothing' },
});
/** Never true of an item that is not there, so a write is allowed or not, and changes nothing. */
const never = { ConditionExpression: 'attribute_exists(#a)', ExpressionAttributeNames: { '#a': 'none' } } as const;

/** Each action that a function may have on a table, and Scan, which none has, as a call that changes nothing. */
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

/** What the calls on a stream are given. */
interface OneStream {
  readonly StreamName: string;
  readonly StreamARN: string;
  readonly ShardIterator: string;
}

type StreamCall = (client: KinesisClient, stream: OneStream) => Promise<unknown>;

/** Each action that a function may have on the stream, and PutRecord, which none has. */
export const streamCalls: Readonly<Record<string, StreamCall>> = {
  DescribeStream: (client, { StreamName }) => client.send(new DescribeStreamCommand({ StreamName })),
  DescribeStreamSummary: (client, { StreamName }) => client.send(new DescribeStreamSummaryCommand({ StreamName })),
  // With the stream's name, which AWS can do without: see allowIterators.
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

/** Whether a call is allowed: one that is refused for its condition was. @throws what fails for another reason */
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

/** A policy as it is written down. */
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

/** Gives a role rights, or takes them; what is given back undoes it. */
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
 * On ministack, the right to GetRecords of all streams: it asks for the rights of a call that names no stream, as one
 * with an iterator does, on all resources, where AWS knows the iterator's stream.
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
