import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { queryApp } from '../../functions/api/app.ts';
import { restRequest } from '../../functions/edge/rest-request.ts';
import { createMeter } from '../../functions/state/table/dynamodb-table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { refuseRequest } from '../../infra/local/account/request-guard.ts';
import pipeline from '../../pipelines/device-actions.ts';

const app = (ingest: 'on' | 'off') =>
  queryApp({
    pipeline,
    tables: { state: memoryTable(), windows: memoryTable(), rejects: memoryTable(), meter: createMeter() },
    now: () => 1_469_600_000_000,
    ingest,
    newSecret: () => 'secret-of-thirty-two-bytes-or-more',
    onError: (error) => {
      throw error;
    },
  });

describe('a method that a path does not have', () => {
  it.each([
    ['a path that is read', 'POST', '/v1/health', 'GET, HEAD'],
    ['the path of events, which is not read', 'GET', '/v1/events', 'POST'],
    ['the path of events', 'OPTIONS', '/v1/events', 'POST'],
  ])('is answered with those that it has: %s', async (_path, method, path, allow) => {
    const answer = await app('on').request(path, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
  });

  it('is not told of events where none can be posted', async () => {
    expect((await app('off').request('/v1/events')).status).toBe(404);
  });

  it('is answered with those of this machine before it reaches a function', () => {
    const heads: unknown[] = [];
    const response = { writeHead: (...head: unknown[]) => ({ end: () => heads.push(head) }) };
    refuseRequest(response as unknown as ServerResponse, { status: 405, detail: 'method: TRACE is not served' });
    expect(heads).toMatchObject([[405, { allow: expect.stringMatching(/^GET, HEAD,/) }]]);
  });
});

describe('the content of a request', () => {
  const event = (httpMethod: string) => ({ httpMethod, path: '/v1/health', requestContext: {}, body: 'null' });

  it.each(['GET', 'HEAD'])('has no meaning with %s, and is left out', (method) => {
    expect(restRequest(event(method))).toMatchObject({ httpMethod: method, body: null });
  });

  it('stays with POST', () => {
    expect(restRequest(event('POST'))).toMatchObject({ body: 'null' });
  });
});
