import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { queryApp } from '../../functions/api/app.ts';
import { type Aggregate, type AnyAggregate, count } from '../../functions/core/aggregates/index.ts';
import { backfillPipeline } from '../../functions/core/definition/backfill.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import { session } from '../../functions/core/windows/session.ts';
import { readCarried, sessionPartitions } from '../../functions/state/epochs/carried-sessions.ts';
import type { FeedPlace } from '../../functions/state/epochs/feed-place.ts';
import { readFinals } from '../../functions/state/epochs/window-feed.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { isSideEvent } from '../../functions/state/items/side-event.ts';
import { correct } from '../../functions/state/operations/correction.ts';
import { removeQuery } from '../../functions/state/operations/remove-query.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { protocolWorld } from '../property/protocol-world.ts';

const hourMs = 3_600_000;
const everything = { from: -1e13, to: 1e13, order: 'ascending', limit: 100_000 } as const;

/** An aggregate that keeps a text of the event, so that sessions can be made long. */
function notes(): AnyAggregate<{ readonly note: string }> {
  const aggregate: Aggregate<{ readonly note: string }, string, string, string> = {
    kind: 'notes',
    input: ({ note }) => ({ kind: 'value', value: note }),
    identity: '',
    add: (state, note) => state + note,
    merge: (left, right) => (left < right ? left + right : right + left),
    encode: (state) => state,
    decode: String,
    result: (state) => state,
  };
  return aggregate as unknown as AnyAggregate<{ readonly note: string }>;
}

function pipelineOf(window = session('12 hours'), extra: { readonly note?: boolean } = {}): Pipeline {
  return definePipeline({
    name: 'sessions',
    event: z.object({ time: z.number(), user: z.string(), note: z.string().default('') }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0, maxFutureSkew: '36500 days' },
    queries: {
      visits: {
        groupBy: ['user'],
        window,
        expectedKeys: 1,
        aggregates: { count: count(), ...(extra.note === true ? { notes: notes() } : {}) },
      },
    },
  });
}

function started(
  pipeline: Pipeline,
  events: readonly { readonly time: number; readonly user: string; readonly note?: string }[],
) {
  const world = protocolWorld(
    pipeline,
    events.map((event) => ({ text: JSON.stringify(event), shard: 0 })),
    1,
    1,
  );
  const aggregator = world.aggregator(0);
  const tables = {
    pipeline,
    state: memoryTable(world.stores.state),
    windows: memoryTable(world.stores.windows),
    rejects: memoryTable(world.stores.rejects),
  };
  const [query] = pipeline.queries;
  if (query === undefined) throw new Error('no query');
  let at = 0;
  return {
    world,
    tables,
    query,
    put: async (records = 1) => {
      await aggregator.apply(world.logs[0]?.slice(at, at + records) ?? [], () => 60_000);
      at += records;
    },
    carried: () => [...world.stores.state.all()].filter(({ pk }) => pk.startsWith('sessions#')),
    read: (status: 'all' | 'open' | 'final') => readWindows(tables, query, { ...everything, status }),
  };
}

describe('sessions of many hours', () => {
  it('cost a write where one of their partition gets a record, and none at the closings in between', async () => {
    // The gap is 12 hours, in slices of 1.5 hours. One user comes every 9 hours, the other one every quarter of an
    // hour.
    const busy = Array.from({ length: 200 }, (_, i) => ({ time: i * (hourMs / 4), user: 'busy' }));
    const sparse = Array.from({ length: 5 }, (_, i) => ({ time: i * 9 * hourMs + 1, user: 'rare' }));
    const events = [...busy, ...sparse].sort((left, right) => left.time - right.time);
    const { world, put, carried } = started(pipelineOf(), events);
    const writes = new Map<string, number>();
    const known = new Set<string>();
    for (const _ of events) {
      await put();
      await world.finalize();
      for (const { pk, sk, attributes } of carried()) {
        if (known.has(`${pk} ${sk}`)) continue;
        known.add(`${pk} ${sk}`);
        const text = String(attributes['data']);
        for (const user of ['busy', 'rare']) if (text.includes(user)) writes.set(user, (writes.get(user) ?? 0) + 1);
      }
    }
    // 50 hours are 33 closings. The busy session is written at each of them, the rare one when a record of it comes.
    expect(writes.get('busy')).toBeGreaterThanOrEqual(30);
    expect(writes.get('rare')).toBe(5);
    // Replaced items expire. The newest item of a partition stays.
    const kept = carried().filter(({ attributes }) => attributes['expiresAt'] === undefined);
    expect(new Set(kept.map(({ pk }) => pk)).size).toBe(kept.length);
    expect(kept.length).toBe(2);
  });

  it('are written in parts when they are large, and are whole again afterwards', async () => {
    const users = Array.from({ length: 60 }, (_, i) => `user-${i}`);
    const note = (user: string) => Array.from({ length: 3_000 }, (_, i) => `${user}${(i * 7919) % 104_729}`).join('');
    const events = [
      ...users.map((user, i) => ({ time: i, user, note: note(user) })),
      { time: 3 * hourMs, user: 'clock' },
      { time: 40 * hourMs, user: 'clock' },
    ];
    const pipeline = pipelineOf(session('12 hours', { resolution: '1 hour' }), { note: true });
    const { world, put, carried, read } = started(pipeline, events);
    await put(61);
    await world.finalize();
    expect(carried().some(({ pk }) => pk.endsWith('#parts'))).toBe(true);
    expect((await read('open')).length).toBe(61);
    await put();
    await world.finalize('drain');
    const run = createStaticRun(pipeline);
    for (const event of events) run.addParsed(event, 0);
    const expected = staticAnswer(pipeline, [run.part()]).windows.map(({ start, end, rows }) => ({ start, end, rows }));
    expect((await read('final')).map(({ start, end, rows }) => ({ start, end, rows }))).toEqual(expected);
    for (const { pk, attributes } of carried())
      if (pk.endsWith('#parts')) expect(attributes['expiresAt']).toBeGreaterThan(0);
  });

  it('go with their query', async () => {
    const { world, put, carried, tables } = started(pipelineOf(), [
      { time: 0, user: 'a' },
      { time: 5 * hourMs, user: 'b' },
    ]);
    await put(2);
    await world.finalize();
    expect(carried().length).toBeGreaterThan(0);
    const other = definePipeline({
      name: 'sessions',
      event: z.object({ time: z.number() }),
      eventTime: ({ time }) => time,
      watermark: { delay: 0 },
      queries: { another: { window: session({ ms: 5 }), aggregates: { count: count() } } },
    });
    const advance = async () => {
      await world.finalize();
    };
    const options = { ...tables, pipeline: other, now: () => 0, remainingMs: () => 60_000, advance };
    expect(await removeQuery(options, 'visits')).toMatchObject({ done: true });
    expect([...world.stores.state.all()].filter(({ pk, sk }) => `${pk}#${sk}`.includes('visits'))).toEqual([]);
  });
});

describe('a session of one key', () => {
  const minute = session('10 minutes', { resolution: '1 minute' });
  const at = (minutes: number) => minutes * 60_000;

  it('is open until nothing can join it, and a reader sees what it is at the moment', async () => {
    const { world, put, read } = started(pipelineOf(minute), [
      { time: at(0), user: 'a' },
      { time: at(9), user: 'a' },
      { time: at(15), user: 'clock' },
      // The record is exactly a gap after 9, and between 0 and 9.
      { time: at(19), user: 'a' },
      { time: at(6), user: 'a' },
      { time: at(30), user: 'clock' },
    ]);
    const shown = async () =>
      (await read('all')).map(({ start, end, status, rows }) => [
        start,
        end,
        status,
        ...rows.map(({ key, values }) => `${String(key['user'])}${String(values['count'])}`),
      ]);
    await put(3);
    await world.finalize();
    expect(await shown()).toEqual([
      [at(0), at(19), 'open', 'a2'],
      [at(15), at(25), 'open', 'clock1'],
    ]);
    await put(2);
    await world.finalize();
    // Its last record is now that of minute 19, and the watermark is there. It is final at 29.
    expect(await shown()).toEqual([
      [at(0), at(29), 'open', 'a4'],
      [at(15), at(25), 'open', 'clock1'],
    ]);
    await put();
    expect((await shown())[0]).toEqual([at(0), at(29), 'open', 'a4']);
    await world.finalize();
    expect(await shown()).toEqual([
      [at(0), at(29), 'final', 'a4'],
      [at(15), at(25), 'final', 'clock1'],
      [at(30), at(40), 'open', 'clock1'],
    ]);
  });

  it('is not joined by a record that comes when it is final: that one begins a session of its own while it is in time, and is late after that', async () => {
    const { world, put, read } = started(pipelineOf(minute), [
      { time: at(0), user: 'a' },
      { time: at(10), user: 'clock' },
      { time: at(5), user: 'a' },
      { time: at(16), user: 'clock' },
      { time: at(6), user: 'a' },
    ]);
    await put(2);
    await world.finalize();
    await put();
    await put();
    await world.finalize();
    await put();
    await world.finalize('drain');
    const finals = await read('final');
    expect(
      finals.filter(({ rows }) => rows.some(({ key }) => key['user'] === 'a')).map(({ start, end }) => [start, end]),
    ).toEqual([
      [at(0), at(10)],
      [at(5), at(15)],
    ]);
    const late = [...world.stores.rejects.all()].filter(isSideEvent);
    expect(late.map(({ attributes }) => attributes['eventTime'])).toEqual([at(6)]);
  });
});

describe('the output mode append', () => {
  it('gives each final session once, a long one that began first when it ends', async () => {
    const window = session('10 minutes', { resolution: '1 minute' });
    const minutes = (of: number) => of * 60_000;
    const long = Array.from({ length: 12 }, (_, i) => ({ time: minutes(i * 5), user: 'long' }));
    const events = [
      ...long,
      { time: minutes(1), user: 'short' },
      { time: minutes(31), user: 'short' },
      { time: minutes(120), user: 'clock' },
    ];
    const { world, put, tables, query, read } = started(
      pipelineOf(window),
      events.sort((left, right) => left.time - right.time),
    );
    const given: string[] = [];
    let place: FeedPlace | undefined;
    for (const _ of events) {
      await put();
      await world.finalize();
      for (;;) {
        const { views, placeAfter } = await readFinals(tables, query, { from: -1e13, to: 1e13, limit: 1 }, place, 0);
        given.push(...views.map(({ start, end }) => `${start / 60_000}-${end / 60_000}`));
        place = placeAfter(views.length);
        if (views.length === 0) break;
      }
    }
    expect(given).toEqual(['1-11', '31-41', '0-65']);
    expect((await read('final')).length).toBe(3);
  });
});

describe('the query API', () => {
  it('answers of sessions with windows, totals, top and one key over time, keeps nothing in caches, and refuses what sessions do not have', async () => {
    const minutes = (of: number) => of * 60_000;
    const window = session('10 minutes', { resolution: '1 minute' });
    const { world, put, tables } = started(pipelineOf(window), [
      { time: minutes(0), user: 'a' },
      { time: minutes(0), user: 'b' },
      { time: minutes(7), user: 'a' },
      { time: minutes(60), user: 'a' },
    ]);
    await put(4);
    await world.finalize();
    const meter = { readUnits: 0, writeUnits: 0, refusedWrites: 0 };
    const app = queryApp({
      pipeline: tables.pipeline,
      tables: { ...tables, meter },
      now: () => 0,
      newSecret: () => 'secret',
      onError: (error) => expect(error).toBeUndefined(),
    });
    const get = async (path: string) => {
      const answer = await app.request(`/v1/queries/visits/${path}`);
      return {
        status: answer.status,
        cache: answer.headers.get('cache-control'),
        body: (await answer.json()) as Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>,
      };
    };
    const { body, cache } = await get('windows?from=0&to=3000000');
    expect(body['windows']?.map(({ start, end, status, records }) => [start, end, status, records])).toEqual([
      [0, minutes(10), 'final', 1],
      [0, minutes(17), 'final', 2],
    ]);
    expect(cache).not.toContain('max-age=86400');
    expect(await get('totals?by=user')).toMatchObject({
      body: {
        totals: [
          { key: { user: 'a' }, values: { count: 3 } },
          { key: { user: 'b' }, values: { count: 1 } },
        ],
      },
    });
    expect(await get('top?n=1')).toMatchObject({
      body: { window: { start: minutes(60), status: 'open' }, rows: [{ key: { user: 'a' } }] },
    });
    const { points } = (await get('series?key={"user":"a"}')).body;
    expect(points?.map(({ start, values }) => [start, values])).toEqual([
      [0, { count: 2 }],
      [minutes(60), { count: 1 }],
    ]);
    expect(await get('series?key={"user":"a"}&fill=identity')).toMatchObject({
      status: 400,
      body: { parameter: 'fill' },
    });
    expect(await get('windows?mode=update')).toMatchObject({ status: 400, body: { parameter: 'mode' } });
    expect((await get('windows?mode=append')).body['windows']?.length).toBe(2);
    expect((await get('windows?mode=complete')).body['windows']?.length).toBe(3);
  });
});

describe('what cannot be had of sessions', () => {
  it('is refused with the reason: a correction, and a history', async () => {
    const pipeline = pipelineOf();
    const { tables } = started(pipeline, []);
    const options = {
      ...tables,
      now: () => 0,
      remainingMs: () => 60_000,
      newId: () => 'x',
      advance: async () => {},
    };
    const request = {
      query: 'visits',
      arrival: { fromMs: 0, toMs: 1 },
      window: undefined,
      by: 'test',
      after: undefined,
    } as const;
    await expect(correct(options, { ...request, settled: 'replayed' })).rejects.toThrow('final is never taken back');
    expect(await correct(options, { ...request, settled: 'discarded' })).toMatchObject({ settled: 0, done: true });
    await expect(correct(options, { ...request, settled: 'discarded', window: 5 })).rejects.toThrow('without a window');
    expect(() => backfillPipeline(pipeline, { query: 'visits', since: 0, until: hourMs })).toThrow(
      'a session may go across any moment',
    );
  });

  it('has nothing to carry before anything came', async () => {
    const { tables, query } = started(pipelineOf(), []);
    for (let partition = 0; partition < sessionPartitions; partition++)
      expect(await readCarried(tables.state, query, partition, Number.NEGATIVE_INFINITY)).toEqual({
        sessions: [],
        item: undefined,
        left: [],
      });
  });
});
