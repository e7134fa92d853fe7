import { Agent } from 'node:http';
import { describe, expect, it } from 'vitest';
import { localOfFile, names, type Post, post, takers, testTooLarge } from '../fixtures/local/bodies.ts';

const local = localOfFile();

testTooLarge(local, ['api', 'kinesis', 'dynamodb']);

describe.each(names)('a web page that asks %s', (name) => {
  it.each(['OPTIONS', 'POST'])('is granted nothing at %s', async (method) => {
    const { port, path, headers } = takers(local())[name] as Post;
    const origin = { origin: 'http://attacker.example', 'access-control-request-method': 'POST' };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { ...headers, ...origin } });
    expect(response.status).toBe(403);
    expect([...response.headers.keys()].filter((each) => each.startsWith('access-control-'))).toEqual([]);
  });
});

it('a page of the same origin is told of no other that may read', async () => {
  const { port, headers } = takers(local())['kinesis'] as Post;
  const answer = await post(
    { port, path: '/', headers: { ...headers, origin: `http://127.0.0.1:${port}` } },
    Buffer.from('{}'),
    new Agent(),
  );
  expect(answer.status).toBe(200);
  expect(Object.keys(answer.headers).filter((each) => each.startsWith('access-control-'))).toEqual([]);
});
