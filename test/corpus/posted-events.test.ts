import type { IncomingMessage } from 'node:http';
import type { Context } from 'aws-lambda';
import { handle } from 'hono/aws-lambda';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ingestApp } from '../../functions/api/ingest-app.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { restRequest } from '../../functions/edge/rest-request.ts';
import type { PutEntry } from '../../functions/feeder/put-records.ts';
import { restAnswer } from '../../infra/local/gateway/rest-answer.ts';
import { restEvent } from '../../infra/local/gateway/rest-event.ts';
import { postedEvents } from './posted-events.ts';
import { expectProblem } from './problem.ts';

const pipeline = definePipeline({
  name: 'posted',
  event: z.object({ time: z.number().nullable(), kind: z.string(), note: z.string().optional() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: { byKind: { groupBy: ['kind'], window: tumbling('1 hour'), aggregates: { n: count() } } },
});

const errors: Error[] = [];
/** The records that the function puts. They reach no stream: the stream has its own tests. */
const put: PutEntry[] = [];
beforeEach(() => {
  errors.length = 0;
  put.length = 0;
});

const answer = handle(
  ingestApp({
    pipeline,
    put: async (records) => {
      put.push(...records);
      return new Map();
    },
    now: () => Date.UTC(2026, 0, 1),
    newKey: () => `key-${put.length}`,
    onAnswers: () => {},
    onError: (error) => errors.push(error),
  }),
);

/** A request as API Gateway passes it on, and an answer as API Gateway gives it back. */
async function request(
  method: string,
  target: string,
  given: Readonly<Record<string, string>>,
  body: string | Uint8Array,
) {
  const headers = { host: 'api', ...given };
  const incoming = {
    method,
    url: target,
    headers,
    rawHeaders: Object.entries(headers).flat(),
    httpVersion: '1.1',
    socket: {},
  };
  const event = restRequest(restEvent(incoming as unknown as IncomingMessage, Buffer.from(body), 0));
  const {
    status,
    headers: sent,
    body: answered,
  } = restAnswer({ kind: 'success', payload: JSON.stringify(await answer(event, {} as Context)) });
  return {
    status,
    type: String(sent['content-type']),
    allow: sent['allow'],
    body: JSON.parse(answered.toString()) as Readonly<Record<string, unknown>>,
  };
}

describe('a hostile request to take events', () => {
  it.each(postedEvents.map(({ name, ...rest }) => [name, rest] as const))(
    'has one answer: %s',
    async (_name, given) => {
      const { method = 'POST', target = '/v1/events', headers = {}, body: sent, outcome } = given;
      const { status, type, allow, body } = await request(method, target, headers, sent);
      expect(errors).toEqual([]);
      expect(status).toBe(outcome.status);
      if ('reasons' in outcome) {
        const events = body['events'] as readonly Readonly<Record<string, unknown>>[];
        expect(events.map(({ reason, outcome: became }) => reason ?? became)).toEqual(outcome.reasons);
        expect(events.map(({ index }) => index)).toEqual(events.map((_, i) => i));
        expect(put).toHaveLength(outcome.reasons.filter((reason) => reason === 'accepted').length);
        expect(type).toBe(status === 422 ? 'application/problem+json' : 'application/json');
        return;
      }
      expect(put).toEqual([]);
      expect(type).toBe('application/problem+json');
      expectProblem(body, status, outcome);
      if (status === 405) expect(String(allow)).toBe('POST');
    },
  );

  it('that is taken is put byte for byte, with a key that Kinesis takes', async () => {
    await request(
      'POST',
      '/v1/events',
      { 'content-type': 'application/x-ndjson' },
      '{"kind": "a",\t"time":1.0}\r\n{"time":1,"kind":"a"}',
    );
    expect(put.map(({ data }) => Buffer.from(data).toString())).toEqual([
      '{"kind": "a",\t"time":1.0}',
      '{"time":1,"kind":"a"}',
    ]);
    expect(put.every(({ partitionKey }) => partitionKey.length > 0 && partitionKey.length <= 256)).toBe(true);
  });
});
