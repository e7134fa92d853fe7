import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signedFetch } from '../../cli/deployment/signed-fetch.ts';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { type Deployment, emulatorKeys, emulatorRegion } from '../../infra/emulators/cdk.ts';
import { changeRole } from './access.ts';
import { beginMs } from './events.ts';
import { bootstrap, cdkOf, clientsOf, openStack, type Stack } from './stack.ts';
import { readTarget } from './target.ts';

const target = await readTarget(process.env);
const cdk = cdkOf(target);
const clients = clientsOf(target);
const connection = { endpoint: target.endpoint, region: emulatorRegion, credentials: emulatorKeys };
const s3 = new S3Client({ ...connection, forcePathStyle: true });
const sqs = new SQSClient({ ...connection, useQueueUrlAsEndpoint: false });
const run = Date.now().toString(36);
const [Bucket, TableName] = [`tidemark-objects-${run}`, `tidemark-orders-${run}`];

/** The CDK sets a bucket's notifications by a function in Python that needs boto3, which ministack does not have. */
const notifiedBy = target.kind === 'ministack' ? 'app' : 'bucket';
/**
 * Whether objects reach their queues. The queues refuse requests without TLS. ministack serves no TLS, and enforces
 * that policy when IAM is enforced.
 */
const objectsReach = target.kind !== 'ministack' || target.iam !== 'enforced';

/**
 * Whether the suite is played; on LocalStack it is not. The CDK's function in Python that sets a bucket's notifications
 * has no runtime where only Node.js is there.
 */
const isPlayed = target.kind !== 'localstack';

let stack: Stack;
let deployment: Deployment;

beforeAll(async () => {
  if (!isPlayed) return;
  await bootstrap(target, cdk);
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await clients.dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'order', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'order', KeyType: 'HASH' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  const { Table } = await clients.dynamodb.send(new DescribeTableCommand({ TableName }));
  deployment = {
    pipeline: join(root, 'test', 'deployed', 'pipelines', 'sources', 'sources.ts'),
    stage: `s${run}`,
    shards: 2,
    sources: {
      ingest: 'true',
      changesStream: Table?.LatestStreamArn ?? '',
      ...(objectsReach ? { objectsBucket: Bucket, objectsPrefix: 'in/', objectsNotifiedBy: notifiedBy } : {}),
    },
  };
  stack = openStack(target, await cdk.deploy(deployment));
  if (notifiedBy === 'bucket' || !objectsReach) return;
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: stack.outputs['ObjectsQueue'], AttributeNames: ['QueueArn'] }),
  );
  const Filter = { Key: { FilterRules: [{ Name: 'prefix' as const, Value: 'in/' }] } };
  const QueueConfigurations = [{ QueueArn: Attributes?.QueueArn, Events: ['s3:ObjectCreated:*' as const], Filter }];
  await s3.send(
    new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration: { QueueConfigurations } }),
  );
});
afterAll(async () => {
  if (!isPlayed) return;
  await cdk.destroy(deployment);
  await clients.dynamodb.send(new DeleteTableCommand({ TableName }));
});

const event = (from: string, i: number) => JSON.stringify({ id: `${from}-${i}`, time: beginMs + i, from });
const events = (from: string, count: number) => Array.from({ length: count }, (_, i) => event(from, i));

/** Waits until at least so many events of a source are counted, and returns their number. */
async function counted(source: string, atLeast: number): Promise<number> {
  for (;;) {
    const totals = await stack.api.totals('bySource', { by: 'source' });
    const n = Number(totals.find(({ key }) => key['source'] === source)?.values['n'] ?? 0);
    if (n >= atLeast) return n;
    await sleep(250);
  }
}

describe(`sources deployed to ${target.kind}, IAM ${target.iam}`, () => {
  beforeEach((context) => context.skip(!isPlayed, 'needs ministack: no runtime for the Python function of the CDK'));

  it('take events over HTTP, and answer each', async () => {
    const post = signedFetch({ region: emulatorRegion, service: 'execute-api', credentials: emulatorKeys });
    const url = new URL(`${stack.url}/v1/events`);
    const posted = await post(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `[${events('http', 700).join(',')}]`,
    });
    expect([posted.status, await posted.json()]).toMatchObject([202, { accepted: 700, refused: 0 }]);
    const mixed = await post(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${event('http', 700)}\n{"id":1}\n`,
    });
    expect([mixed.status, await mixed.json()]).toMatchObject([
      207,
      { accepted: 1, refused: 1, events: [{}, { reason: 'schema' }] },
    ]);
    const none = await post(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' });
    expect([none.status, none.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    expect(await counted('http', 701)).toBe(701);
  });

  it('feed the objects of a bucket, packed or not, each version once', async (context) => {
    context.skip(!objectsReach, 'the queues refuse requests without TLS');
    const put = (Key: string, body: string | Buffer) => s3.send(new PutObjectCommand({ Bucket, Key, Body: body }));
    const [first, second, other] = [
      events('object', 3000).slice(0, 1000),
      events('object', 3000).slice(1000),
      events('elsewhere', 10),
    ];
    await put('out/ignored.json', other.join('\n'));
    await put('in/day 1/ü+.json', first.join('\n'));
    expect(await counted('object', 1000)).toBe(1000);
    await put('in/day 1/ü+.json', gzipSync(second.join('\n')));
    expect(await counted('object', 3000)).toBe(3000);
    const before = await stack.api.conservation();
    const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'in/' }));
    expect(Versions).toHaveLength(2);
    const Records = Versions.map(({ Key = '', VersionId, ETag }) => ({
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: Bucket }, object: { key: encodeURIComponent(Key), versionId: VersionId, eTag: ETag } },
    }));
    const QueueUrl = stack.outputs['ObjectsQueue'];
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ Records }) }));
    // The next object in the queue shows that it was taken.
    await put('in/last.json', event('last', 0));
    expect(await counted('last', 1)).toBe(1);
    expect(await stack.api.conservation()).toMatchObject({
      received: before.received + 1,
      duplicate: 0,
      rejected: 0,
      holds: true,
    });
  });

  it('feed the changes of a table', async () => {
    const item = (order: number, amount: number) => ({ order: { S: `o-${order}` }, amount: { N: String(amount) } });
    for (let order = 0; order < 20; order++)
      await clients.dynamodb.send(new PutItemCommand({ TableName, Item: item(order, 1) }));
    for (let order = 0; order < 10; order++)
      await clients.dynamodb.send(new PutItemCommand({ TableName, Item: item(order, 2) }));
    for (let order = 0; order < 5; order++)
      await clients.dynamodb.send(new DeleteItemCommand({ TableName, Key: { order: { S: `o-${order}` } } }));
    expect([await counted('INSERT', 20), await counted('MODIFY', 10), await counted('REMOVE', 5)]).toEqual([20, 10, 5]);
    expect(await stack.api.conservation()).toMatchObject({ duplicate: 0, rejected: 0, holds: true });
  });

  it('need the rights that they have: without PutRecords nothing is accepted', async (context) => {
    context.skip(target.iam !== 'enforced', 'needs an endpoint that enforces IAM');
    const { GetFunctionConfigurationCommand } = await import('@aws-sdk/client-lambda');
    const { Role = '' } = await clients.lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: stack.outputs['IngestFunction'] }),
    );
    const restore = await changeRole(target, Role, { Effect: 'Deny', Action: 'kinesis:PutRecords', Resource: '*' });
    const post = signedFetch({ region: emulatorRegion, service: 'execute-api', credentials: emulatorKeys });
    const refused = await post(new URL(`${stack.url}/v1/events`), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: event('denied', 1),
    });
    await restore();
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { accepted: 0, events: [{ reason: 'unavailable' }] },
    ]);
  });
});
