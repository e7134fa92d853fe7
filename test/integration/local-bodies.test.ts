import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestLocal, type TestLocal } from '../fixtures/local/start.ts';

let test: TestLocal;
beforeAll(async () => {
  test = await startTestLocal();
});
afterAll(() => test?.stop());

interface Post {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

function post({ port, path, headers }: Post, body: Buffer, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, agent, method: 'POST', headers };
    const sent = request(options, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    });
    sent.on('error', reject).end(body);
  });
}

const portOf = (url: string): number => Number(new URL(url).port);
const json = { 'content-type': 'application/json' };
const aws = (target: string, version: string) => ({
  'content-type': `application/x-amz-json-${version}`,
  'x-amz-target': target,
  'x-amz-date': '20200101T000000Z',
  authorization: 'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b',
});
const listStreams = aws('Kinesis_20131202.ListStreams', '1.1');
const listTables = aws('DynamoDB_20120810.ListTables', '1.0');

/** What takes a body, by its name. */
function takers(): Readonly<Record<string, Post>> {
  const { url, endpoints, functionNames } = test.local;
  const invoke = `/2015-03-31/functions/${functionNames.query}/invocations`;
  return {
    api: { port: portOf(url), path: '/v1/queries', headers: json },
    events: { port: portOf(url), path: '/v1/events', headers: json },
    invoke: { port: portOf(url), path: invoke, headers: json },
    'kinesis by the front': { port: portOf(url), path: '/', headers: listStreams },
    kinesis: { port: portOf(endpoints.kinesis), path: '/', headers: listStreams },
    'dynamodb by the front': { port: portOf(url), path: '/', headers: listTables },
    dynamodb: { port: portOf(endpoints.dynamodb), path: '/', headers: listTables },
  };
}

const names = ['api', 'events', 'invoke', 'kinesis by the front', 'kinesis', 'dynamodb by the front', 'dynamodb'];
const tooLarge = Buffer.alloc(18 * 1024 * 1024, ' ');

describe.each(names)('a body that is too large for %s', (name) => {
  it('is answered with status 413, again and again on one connection, and the connection goes on', async () => {
    const taker = takers()[name] as Post;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statuses = [];
    for (const body of [tooLarge, tooLarge, Buffer.from('{}')]) statuses.push((await post(taker, body, agent)).status);
    agent.destroy();
    expect(statuses.slice(0, 2)).toEqual([413, 413]);
    expect(statuses[2]).not.toBe(413);
  });

  it('is answered with status 413 when several come at once', async () => {
    const taker = takers()[name] as Post;
    const agent = new Agent({ keepAlive: true });
    const answers = await Promise.all([1, 2, 3].map(() => post(taker, tooLarge, agent)));
    agent.destroy();
    expect(answers.map(({ status }) => status)).toEqual([413, 413, 413]);
  });
});

describe.each(names)('a web page that asks %s', (name) => {
  it.each(['OPTIONS', 'POST'])('is granted nothing at %s', async (method) => {
    const { port, path, headers } = takers()[name] as Post;
    const origin = { origin: 'http://attacker.example', 'access-control-request-method': 'POST' };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { ...headers, ...origin } });
    expect(response.status).toBe(403);
    expect([...response.headers.keys()].filter((each) => each.startsWith('access-control-'))).toEqual([]);
  });
});

it('a page of the same origin is told of no other that may read', async () => {
  const { port, headers } = takers()['kinesis'] as Post;
  const answer = await post(
    { port, path: '/', headers: { ...headers, origin: `http://127.0.0.1:${port}` } },
    Buffer.from('{}'),
    new Agent(),
  );
  expect(answer.status).toBe(200);
  expect(Object.keys(answer.headers).filter((each) => each.startsWith('access-control-'))).toEqual([]);
});
