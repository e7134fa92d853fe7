import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  MergeShardsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '../../cli/deployment/endpoint.ts';
import { mappingStatus } from '../../cli/stream/embedded.ts';
import { eventJson, toEventRecord } from '../../infra/local/mapping/kinesis-event.ts';
import { until } from '../fixtures/local/start.ts';
import { order, type Stored, type System, startSystem } from '../fixtures/system/system.ts';

/** The tests of this file build on one another, on one system: its stream only grows. */
let system: System;
const hourMs = 3_600_000;
/** A number far above those up to which doubles tell whole numbers apart. */
const huge = 1e21;
const t0 = Date.parse('2026-01-01T00:00:00Z');

beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => {
  await system.close();
});

type Body = Readonly<Record<string, unknown>>;
const windowsOf = (body: Body) =>
  body['windows'] as readonly {
    readonly start: number;
    readonly end: number;
    readonly status: string;
    readonly revision: number | null;
    readonly records: number;
    readonly rows: readonly { readonly key: Body; readonly values: Body }[];
  }[];

async function conservation(): Promise<Body> {
  return (await system.get('conservation')).body;
}

let first: readonly Stored[];

describe('open windows', () => {
  it('are merged from all shards at the moment of the request', async () => {
    first = await system.put([
      { data: order(t0 + 1, 'a', huge) },
      { data: order(t0 + 2, 'a', 1), shard: 1 },
      { data: order(t0 + 3, 'b', -5) },
      { data: order(t0 + hourMs, 'a', -huge), shard: 1 },
      { data: order(t0 + 4, 'free', null) },
    ]);
    const { status, body } = await system.get('queries/byKind/windows');
    expect(status).toBe(200);
    expect(windowsOf(body)).toMatchObject([
      {
        start: t0,
        end: t0 + hourMs,
        status: 'open',
        revision: null,
        records: 4,
        rows: [
          { key: { kind: 'a' }, values: { n: 2, sum: huge, mean: huge / 2, least: 1, most: huge } },
          { key: { kind: 'b' }, values: { n: 1, sum: -5, mean: -5, least: -5, most: -5 } },
          { key: { kind: 'free' }, values: { n: 1, sum: null, mean: null, least: null, most: null } },
        ],
      },
      { start: t0 + hourMs, status: 'open', rows: [{ key: { kind: 'a' }, values: { n: 1, sum: -huge } }] },
    ]);
  });

  it('are counted for each query by itself, and an event in one class', async () => {
    expect(await conservation()).toEqual({
      received: 5,
      counted: 5,
      late: 0,
      duplicate: 0,
      rejected: 0,
      filtered: 0,
      holds: true,
      shards: 2,
      asOf: null,
      asOfTime: null,
      queries: { byKind: { counted: 5, late: 0, filtered: 0 }, daily: { counted: 4, late: 0, filtered: 1 } },
    });
  });
});

describe('finalize', () => {
  it('makes exactly the windows final whose end the watermark of the slowest shard has reached', async () => {
    await system.put([
      { data: order(t0 + 2 * hourMs, 'b', 1) },
      { data: order(t0 + 2 * hourMs - 1, 'b', 2), shard: 1 },
    ]);
    expect(await system.finalize({})).toMatchObject({
      watermark: t0 + hourMs - 1,
      windows: 0,
      heldBy: 'shardId-000000000001',
    });
    await system.put([{ data: order(t0 + 2 * hourMs, 'c', 3), shard: 1 }]);
    expect(await system.finalize({})).toMatchObject({ watermark: t0 + hourMs, windows: 1, closingsLeft: 0 });
    const { body } = await system.get('queries/byKind/windows', { status: 'final' });
    expect(windowsOf(body)).toMatchObject([{ start: t0, status: 'final', revision: 0, records: 4 }]);
    const open = windowsOf((await system.get('queries/byKind/windows', { status: 'open' })).body);
    expect(open.map(({ start, status }) => [start, status])).toEqual([
      [t0 + hourMs, 'open'],
      [t0 + 2 * hourMs, 'open'],
    ]);
  });

  it('leaves a final window alone when a late record comes, which is late for that query alone', async () => {
    const before = (await system.get('queries/byKind/windows', { status: 'final' })).body;
    const [late] = await system.put([{ data: order(t0 + 5, 'a', 1000) }]);
    expect((await system.get('queries/byKind/windows', { status: 'final' })).body).toEqual(before);
    expect(await conservation()).toMatchObject({
      counted: 9,
      late: 0,
      holds: true,
      queries: { byKind: { counted: 8, late: 1 }, daily: { counted: 8 } },
    });
    const { body } = await system.get('late');
    expect(body['events']).toEqual([
      expect.objectContaining({
        reason: 'late',
        query: 'byKind',
        eventTime: t0 + 5,
        ...late,
        payload: order(t0 + 5, 'a', 1000),
      }),
    ]);
  });

  it('is refused nothing by a late event of every query: it is late as a whole', async () => {
    await system.put([{ data: order(t0 + 6, 'free') }]);
    expect(await conservation()).toMatchObject({ received: 10, counted: 9, late: 1, holds: true });
  });
});

describe('the API', () => {
  it('gives windows by range, status, key and order', async () => {
    const starts = async (parameters: Readonly<Record<string, string>>) =>
      windowsOf((await system.get('queries/byKind/windows', parameters)).body).map(
        ({ start }) => (start - t0) / hourMs,
      );
    expect(await starts({})).toEqual([0, 1, 2]);
    expect(await starts({ order: 'descending' })).toEqual([2, 1, 0]);
    expect(await starts({ from: '2026-01-01T01:00:00Z' })).toEqual([1, 2]);
    expect(await starts({ from: String(t0), to: '2026-01-01T02:00:00+01:00' })).toEqual([0]);
    expect(await starts({ status: 'final' })).toEqual([0]);
    expect(await starts({ status: 'open' })).toEqual([1, 2]);
    expect(await starts({ from: '2027-01-01T00:00:00Z' })).toEqual([]);
    const { body } = await system.get('queries/byKind/windows', { key: '{"kind":"b"}' });
    expect(windowsOf(body).map(({ rows }) => rows.map(({ key, values }) => [key['kind'], values['n']]))).toEqual([
      [['b', 1]],
      [['b', 1]],
      [['b', 1]],
    ]);
    const one = await system.get(`queries/byKind/windows/${t0 + 2 * hourMs}`);
    expect(windowsOf(one.body)).toMatchObject([{ start: t0 + 2 * hourMs, records: 2 }]);
  });

  it('gives pages that join to the whole, in both orders', async () => {
    for (const order of ['ascending', 'descending']) {
      const whole = windowsOf((await system.get('queries/byKind/windows', { order })).body);
      const joined: unknown[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < 10; page++) {
        const { body } = await system.get('queries/byKind/windows', {
          order,
          limit: '1',
          ...(cursor === undefined ? {} : { cursor }),
        });
        joined.push(...windowsOf(body));
        if (body['cursor'] === null) break;
        cursor = String(body['cursor']);
      }
      expect(joined).toEqual(whole);
    }
  });

  it('adds up exactly over windows, final and open ones, also means', async () => {
    const { body } = await system.get('queries/byKind/totals', { by: '' });
    // 2^53 + 1 in one window and -2^53 in another leave 1: a sum of their rounded sums would leave 0.
    expect(body['totals']).toEqual([
      {
        query: 'byKind',
        from: t0,
        fromTime: '2026-01-01T00:00:00.000Z',
        to: t0 + 3 * hourMs,
        toTime: '2026-01-01T03:00:00.000Z',
        key: {},
        values: { n: 8, sum: 2, mean: 2 / 7, least: -huge, most: huge },
      },
    ]);
    const byKind = (await system.get('queries/byKind/totals', { by: 'kind', status: 'final' })).body;
    expect(byKind).toMatchObject({
      windows: 1,
      totals: [{ key: { kind: 'a' }, values: { sum: huge } }, { key: { kind: 'b' } }, { key: { kind: 'free' } }],
    });
  });

  it('tells the watermark by shard and which shard holds it', async () => {
    const { body } = await system.get('watermark');
    expect(body).toMatchObject({
      watermark: t0 + hourMs,
      closedThrough: t0 + hourMs,
      finalizedThrough: t0 + hourMs,
      shards: [
        { shardId: 'shardId-000000000000', state: 'holding', maxEventTime: t0 + 2 * hourMs, watermark: t0 + hourMs },
        { shardId: 'shardId-000000000001', state: 'holding', maxEventTime: t0 + 2 * hourMs, watermark: t0 + hourMs },
      ],
    });
  });

  it.each([
    ['queries/nobody/windows', {}, 404, 'nobody'],
    ['queries/byKind/windows', { from: 'yesterday' }, 400, 'from'],
    ['queries/byKind/windows', { from: '2026-01-01T00:00:00' }, 400, 'from'],
    ['queries/byKind/windows', { from: '2', to: '1' }, 400, 'to'],
    ['queries/byKind/windows', { to: '1e3' }, 400, 'to'],
    ['queries/byKind/windows', { limit: '0' }, 400, 'limit'],
    ['queries/byKind/windows', { limit: '1001' }, 400, 'limit'],
    ['queries/byKind/windows', { limit: 'ten' }, 400, 'limit'],
    ['queries/byKind/windows', { cursor: 'x' }, 400, 'cursor'],
    ['queries/byKind/windows', { order: 'up' }, 400, 'order'],
    ['queries/byKind/windows', { status: 'closed' }, 400, 'status'],
    ['queries/byKind/windows', { key: 'b' }, 400, 'key'],
    ['queries/byKind/windows', { key: '[]' }, 400, 'key'],
    ['queries/byKind/windows', { key: '{"color":1}' }, 400, 'color'],
    ['queries/byKind/windows/noon', {}, 400, 'start'],
    ['queries/byKind/windows/1', {}, 404, 'start'],
    ['queries/byKind/totals', { by: 'color' }, 400, 'color'],
    ['queries/daily/totals', { by: 'kind' }, 400, 'kind'],
    ['late', { from: '0', to: String(t0) }, 400, 'from'],
    ['late', { limit: '10001' }, 400, 'limit'],
    ['nothing', {}, 404, 'path'],
  ] as const)(
    'refuses %s %j with a problem document that names the mistake',
    async (path, parameters, status, field) => {
      const answer = await system.get(path, parameters);
      expect(answer).toMatchObject({ status, type: expect.stringContaining('application/problem+json') });
      expect(answer.body).toMatchObject({
        status,
        title: expect.any(String),
        detail: expect.stringContaining(field),
        instance: `/v1/${path}`,
      });
    },
  );
});

describe('a batch that is delivered again', () => {
  it('changes nothing, also in other batches than before', async () => {
    const before = {
      windows: (await system.get('queries/byKind/windows')).body,
      conservation: await conservation(),
      late: (await system.get('late')).body,
    };
    const events = await recordsOf('shardId-000000000000');
    expect(events.length).toBeGreaterThanOrEqual(
      first.filter(({ shardId }) => shardId === 'shardId-000000000000').length,
    );
    const lambda = new LambdaClient(
      clientConfig({ port: Number(new URL(system.local.url).port), endpoint: undefined }),
    );
    for (const some of [events, events.slice(0, 2), events.slice(1), events.slice(-1)]) {
      const answer = await lambda.send(
        new InvokeCommand({ FunctionName: system.local.functionNames.aggregate, Payload: eventJson(some) }),
      );
      expect(answer.FunctionError).toBeUndefined();
      expect(JSON.parse(answer.Payload?.transformToString() ?? '')).toEqual({ batchItemFailures: [] });
    }
    lambda.destroy();
    const after = {
      windows: (await system.get('queries/byKind/windows')).body,
      conservation: await conservation(),
      late: (await system.get('late')).body,
    };
    expect(after).toEqual(before);
  });
});

async function recordsOf(shardId: string) {
  const { kinesis, local } = system;
  const start = await kinesis.send(
    new GetShardIteratorCommand({ StreamName: local.streamName, ShardId: shardId, ShardIteratorType: 'TRIM_HORIZON' }),
  );
  const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator: start.ShardIterator }));
  return Records.map((record) =>
    toEventRecord(
      {
        SequenceNumber: record.SequenceNumber ?? '',
        PartitionKey: record.PartitionKey ?? '',
        Data: Buffer.from(record.Data ?? []).toString('base64'),
        ApproximateArrivalTimestamp: (record.ApproximateArrivalTimestamp?.getTime() ?? 0) / 1000,
      },
      shardId,
      local.streamName,
    ),
  );
}

describe('kill -9 in the middle', () => {
  const many = (kind: string) =>
    Array.from({ length: 200 }, (_, i) => ({ data: order(t0 + 3 * hourMs + i, kind, i), shard: (i % 2) as 0 | 1 }));
  const countOf = async (kind: string) => {
    const { body } = await system.get('queries/byKind/totals', { by: 'kind', status: 'open' });
    return (body['totals'] as readonly { key: Body; values: Body }[]).find(({ key }) => key['kind'] === kind)?.values;
  };

  it('of the functions, while they work on a batch, loses and doubles nothing', async () => {
    const putting = system.put(many('functions'));
    await until(async () =>
      Object.values((await mappingStatus(system.local)).shards).some(({ state }) => state === 'invoking'),
    );
    await system.local.kill('functions');
    await putting;
    await until(async () => (await system.get('health')).status === 200);
    expect(await countOf('functions')).toMatchObject({ n: 200, sum: 19_900, least: 0, most: 199 });
  });

  it('of the runner, which delivers, loses and doubles nothing', async () => {
    const putting = system.put(many('runner'));
    putting.catch(() => undefined);
    await until(async () =>
      Object.values((await mappingStatus(system.local)).shards).some(({ state }) => state === 'invoking'),
    );
    await system.local.kill('runner');
    await system.local.restart('runner');
    // Requests that waited for the front when it ended may have to be repeated. The records are in the stream in any
    // case.
    const rest = await putting.catch(() => system.put(many('rest')));
    await system.settled(rest);
    expect(await countOf('runner')).toMatchObject({ n: 200, sum: 19_900, least: 0, most: 199 });
    expect(await conservation()).toMatchObject({ holds: true });
  });
});

describe('a stream whose shards are split and merged', () => {
  const shards = async () => {
    const { Shards = [] } = await system.kinesis.send(new ListShardsCommand({ StreamName: system.local.streamName }));
    return Shards;
  };
  const isActive = async (count: number) => (await shards()).length === count;

  it('counts on, parents before children', async () => {
    const { kinesis, local } = system;
    const before = await conservation();
    await kinesis.send(
      new SplitShardCommand({
        StreamName: local.streamName,
        ShardToSplit: 'shardId-000000000000',
        NewStartingHashKey: (2n ** 126n).toString(),
      }),
    );
    await until(() => isActive(4));
    await system.put([
      { data: order(t0 + 4 * hourMs, 'split', 1) },
      { data: order(t0 + 4 * hourMs, 'split', 2), shard: 1 },
    ]);
    await kinesis.send(
      new MergeShardsCommand({
        StreamName: local.streamName,
        ShardToMerge: 'shardId-000000000002',
        AdjacentShardToMerge: 'shardId-000000000003',
      }),
    );
    await until(() => isActive(5));
    await system.put([{ data: order(t0 + 4 * hourMs + 1, 'merged', 4) }]);
    expect(await conservation()).toMatchObject({
      received: Number(before['received']) + 3,
      counted: Number(before['counted']) + 3,
      holds: true,
    });
  });

  it('has a watermark that its drained parents do not hold', async () => {
    await until(
      async () =>
        Object.values((await mappingStatus(system.local)).shards).filter(({ state }) => state === 'finished').length ===
        3,
    );
    expect(await system.finalize({})).toMatchObject({ watermark: t0 + 3 * hourMs });
    const { body } = await system.get('watermark');
    const states = (body['shards'] as readonly Body[]).map(({ shardId, state }) => [String(shardId).slice(-1), state]);
    expect(states).toEqual([
      ['0', 'drained'],
      ['1', 'holding'],
      ['2', 'drained'],
      ['3', 'drained'],
      ['4', 'holding'],
    ]);
  });
});

describe('drain', () => {
  it('makes every window final, and what comes after it with an earlier time late', async () => {
    const before = (await system.get('queries/byKind/totals', { by: 'kind' })).body;
    await until(async () => (await system.finalize({ request: 'drain' })).drained);
    expect(windowsOf((await system.get('queries/byKind/windows', { status: 'open' })).body)).toEqual([]);
    expect(windowsOf((await system.get('queries/daily/windows')).body)).toMatchObject([{ start: t0, status: 'final' }]);
    expect((await system.get('queries/byKind/totals', { by: 'kind', status: 'final' })).body['totals']).toEqual(
      before['totals'],
    );
    const late = Number((await conservation())['late']);
    await system.put([{ data: order(t0 + 4 * hourMs, 'a', 1) }]);
    expect(await conservation()).toMatchObject({ late: late + 1, holds: true });
  });
});
