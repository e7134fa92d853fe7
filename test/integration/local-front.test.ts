import { DescribeTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { streamRetentionHours } from '../../functions/core/deployment/settings.ts';
import { kinesisClient, put } from '../fixtures/local/records.ts';
import { startTestLocal, type TestLocal, until } from '../fixtures/local/start.ts';

let test: TestLocal;

beforeAll(async () => {
  test = await startTestLocal();
});

afterAll(() => test.stop());

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

async function page<Page>(name: string): Promise<Page> {
  return (await (await fetch(`${test.local.url}/_tidemark/${name}`)).json()) as Page;
}

describe('a request to the query API', () => {
  it('becomes an event of a REST API', async () => {
    const response = await fetch(`${test.local.url}/windows/a%20b?key=1&key=2&one=%C3%A9`, {
      method: 'POST',
      body: 'text é',
      headers: { 'X-Some': 'value' },
    });
    const event = (await response.json()) as APIGatewayProxyEvent;
    expect(event).toMatchObject({
      resource: '/{proxy+}',
      path: '/windows/a%20b',
      pathParameters: { proxy: 'windows/a b' },
      httpMethod: 'POST',
      queryStringParameters: { key: '2', one: 'é' },
      multiValueQueryStringParameters: { key: ['1', '2'], one: ['é'] },
      stageVariables: null,
      body: 'text é',
      isBase64Encoded: false,
      requestContext: {
        httpMethod: 'POST',
        requestId: expect.any(String),
        identity: { sourceIp: '127.0.0.1' },
        resourcePath: '/{proxy+}',
      },
    });
    const name = Object.keys(event.headers).find((header) => header.toLowerCase() === 'x-some') ?? '';
    expect([event.headers[name], event.multiValueHeaders[name]]).toEqual(['value', ['value']]);
  });

  it('has null for what is not there', async () => {
    const event = (await (await fetch(test.local.url)).json()) as APIGatewayProxyEvent;
    expect(event).toMatchObject({
      path: '/',
      body: null,
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      pathParameters: null,
    });
  });

  it('carries bytes in base64, both ways', async () => {
    const sent = (await (
      await fetch(test.local.url, { method: 'PUT', body: Buffer.from([0xff, 0]) })
    ).json()) as APIGatewayProxyEvent;
    expect([sent.body, sent.isBase64Encoded]).toEqual([Buffer.from([0xff, 0]).toString('base64'), true]);
    const received = await fetch(`${test.local.url}/bytes`);
    expect([...new Uint8Array(await received.arrayBuffer())]).toEqual([0, 255, 1]);
  });

  it('is answered with the status and all headers of the function', async () => {
    const response = await fetch(test.local.url);
    expect(response.status).toBe(201);
    expect(response.headers.get('x-one')).toBe('1');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it.each(['/throw', '/malformed'])('is a bad gateway when the function does %s', async (path) => {
    const response = await fetch(test.local.url + path);
    expect(response.status).toBe(502);
    expect(await response.json()).toHaveProperty('message');
  });
});

describe('the one address', () => {
  it('serves Kinesis, DynamoDB and Lambda to the SDK', async () => {
    const { local } = test;
    const kinesis = kinesisClient(local);
    const dynamodb = new DynamoDBClient({ endpoint: local.url, region: 'us-east-1', credentials });
    const { StreamDescriptionSummary: stream } = await kinesis.send(
      new DescribeStreamSummaryCommand({ StreamName: local.streamName }),
    );
    const { TableNames } = await dynamodb.send(new ListTablesCommand({}));
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: local.tableNames.windows }));
    expect(stream).toMatchObject({
      StreamStatus: 'ACTIVE',
      OpenShardCount: 1,
      RetentionPeriodHours: streamRetentionHours,
    });
    expect(TableNames?.toSorted()).toEqual(Object.values(local.tableNames).toSorted());
    expect(Table?.KeySchema).toEqual([
      { AttributeName: 'query', KeyType: 'HASH' },
      { AttributeName: 'window', KeyType: 'RANGE' },
    ]);
    kinesis.destroy();
    dynamodb.destroy();
  });

  it('tells what there is and whether it is ready', async () => {
    const { local } = test;
    expect(await page('health')).toEqual({
      ready: true,
      pipeline: 'test',
      url: local.url,
      endpoints: local.endpoints,
      stream: local.streamName,
      tables: local.tableNames,
      functions: local.functionNames,
    });
  });

  it('keeps the log of the functions', async () => {
    await fetch(test.local.url);
    const logs = await page<Record<string, string>>('logs');
    expect(logs[test.local.functionNames.query]).toMatch(/^START RequestId: [-0-9a-f]{36}/);
  });
});

describe('the metrics', () => {
  it('are summed over invocations, environments and kills of the functions and the runner', async () => {
    const { local } = test;
    const invoke = async (): Promise<unknown> => {
      const lambda = new LambdaClient({ endpoint: local.endpoints.lambda, region: 'us-east-1', credentials });
      const output = await lambda.send(new InvokeCommand({ FunctionName: local.functionNames.finalize }));
      lambda.destroy();
      return output;
    };
    const received = async (): Promise<number | undefined> =>
      (await page<{ aggregate?: { received: number } }>('metrics')).aggregate?.received;
    await put(local, ['a', 'b', 'c'], 'one');
    await invoke();
    await until(async () => (await received()) === 3);
    await local.kill('functions');
    await put(local, ['d'], 'one');
    await local.restart('functions');
    await until(async () => (await received()) === 4);
    await local.kill('runner');
    await local.restart('runner');
    await put(local, ['e'], 'one');
    await invoke();
    await until(async () => (await received()) === 5);
    expect(await page('metrics')).toMatchObject({ aggregate: { received: 5 }, finalize: { runs: 2 } });
  });
});

describe('the schedule', () => {
  it('invokes finalize with the event of an EventBridge rule', async () => {
    const scheduled = await startTestLocal({ finalizeEveryMs: 50 });
    try {
      const line = await until(async () => {
        const logs = (await (await fetch(`${scheduled.local.url}/_tidemark/logs`)).json()) as Record<string, string>;
        return logs[scheduled.local.functionNames.finalize]?.split('\n').find((each) => each.includes('"source"'));
      });
      expect(JSON.parse(line)).toMatchObject({ source: 'aws.events' });
    } finally {
      await scheduled.stop();
    }
  });
});
