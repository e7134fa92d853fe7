import type { IncomingMessage } from 'node:http';
import type { Context } from 'aws-lambda';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import pLimit from 'p-limit';
import { z } from 'zod';
import { queryApp } from '../../functions/api/app.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { eventTimeBounds } from '../../functions/core/events/event-time.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { restRequest } from '../../functions/edge/rest-request.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Tables } from '../../functions/state/table/tables.ts';
import { restAnswer } from '../../infra/local/gateway/rest-answer.ts';
import { restEvent } from '../../infra/local/gateway/rest-event.ts';
import { dynaliteTables } from '../bench/dynalite-tables.ts';
import { logClock } from '../fixtures/log-clock.ts';

export const hourMs = 3_600_000;
export const t0 = Date.parse('2026-01-01T00:00:00Z');
/** The earliest possible event time. Its week begins before it. */
export const { earliest } = eventTimeBounds;

const pipeline = definePipeline({
  name: 'requests',
  event: z.object({ time: z.number(), kind: z.string() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    byKind: { groupBy: ['kind'], window: tumbling('1 hour'), aggregates: { n: count() } },
    weekly: { window: tumbling('1 week'), aggregates: { n: count() } },
  },
});

const shardId = 'shardId-000000000000';
/** Kinds that are awkward in an address. */
export const kinds = ['a', 'b', '', '"', '😀', '__proto__', '%2F', '&x=1'];
/** Windows of one hour each. All but the last two are final. */
export const windowCount = 8;

/** An answer of the API, as API Gateway passes it on. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** The query API over a DynamoDB of this process that holds final and open windows, rejected and late events. */
export interface QueryApi {
  /** Sends a request as API Gateway does. @param target path and parameters as they are on the wire */
  request(method: string, target: string, headers?: Readonly<Record<string, string>>): Promise<ApiAnswer>;
  /** Requests to the tables so far. */
  requests(): number;
  readonly tables: Tables;
  readonly pipeline: Pipeline;
  /** Errors that no request caused. None of them may happen. */
  readonly errors: readonly Error[];
  close(): Promise<void>;
}

export async function startQueryApi(): Promise<QueryApi> {
  const dynalite = await dynaliteTables();
  const tables = dynalite.open();
  const aggregator = shardAggregator({ ...logClock, pipeline, state: tables.state, rejects: tables.rejects, shardId });
  let sequence = 0;
  const apply = (texts: readonly string[]) =>
    aggregator.apply(
      texts.map(
        (text): StreamRecord => ({
          sequenceNumber: `4959${String(++sequence).padStart(52, '0')}`,
          arrival: t0 + windowCount * hourMs + sequence,
          partitionKey: 'p',
          events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }],
        }),
      ),
      () => 60_000,
    );
  const hours = Array.from({ length: windowCount }, (_, i) => i);
  await apply([JSON.stringify({ time: earliest, kind: 'a' })]);
  await apply(hours.flatMap((hour) => kinds.map((kind) => JSON.stringify({ time: t0 + hour * hourMs, kind }))));
  const start = t0 + (windowCount - 2) * hourMs;
  const stream = {
    identity: async () => ({ name: 's', createdAt: 0 }),
    listShards: async () => [{ shardId, closed: false }],
    tail: async () => 'more' as const,
  };
  const limit = pLimit(8);
  const run = {
    pipeline,
    state: tables.state,
    windows: tables.windows,
    stream,
    limit,
    publish: async () => {},
    runId: 'run',
    retentionMs: 86_400_000,
  };
  await finalize({ ...run, now: () => start, remainingMs: () => 60_000 }, 'advance');
  await apply([
    'bad',
    ...Array.from({ length: 30 }, (_, i) => JSON.stringify({ time: t0 + i, kind: 'late' })),
    '{"time":null}',
    'worse',
  ]);

  const errors: Error[] = [];
  const answer = handle(
    queryApp({
      pipeline,
      tables,
      now: () => t0 + 10 * hourMs,
      newSecret: () => 'secret',
      onError: (error) => errors.push(error),
    }),
  );
  return {
    errors,
    requests: dynalite.requests,
    tables,
    pipeline,
    async request(method, target, given = {}) {
      const payload = JSON.stringify(await answer(eventOf(method, target, given), {} as Context));
      const { status, headers: sent, body } = restAnswer({ kind: 'success', payload });
      const headers = Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, String(value)]));
      const text = body.toString();
      const isJson =
        /json$/.test(String(headers['content-type'])) &&
        !String(headers['content-type']).includes('ndjson') &&
        text !== '';
      return { status, headers, body: isJson ? (JSON.parse(text) as ApiAnswer['body']) : {}, text };
    },
    async close() {
      await dynalite.close();
    },
  };
}

/** The event of a request. It is made of these fields alone. */
function eventOf(method: string, target: string, given: Readonly<Record<string, string>>): LambdaEvent {
  const headers = { host: 'api', ...given };
  const request = {
    method,
    url: target,
    headers,
    rawHeaders: Object.entries(headers).flat(),
    httpVersion: '1.1',
    socket: {},
  };
  return restRequest(restEvent(request as unknown as IncomingMessage, Buffer.alloc(0), t0));
}
