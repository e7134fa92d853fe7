import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rejection } from '../../functions/core/fold/read-event.ts';
import { count, definePipeline, session, sliding, sum, tumbling } from '../../functions/core/index.ts';
import { definitionKey } from '../../functions/state/items/definition.ts';
import { settle } from '../../functions/state/items/side-mark.ts';
import { readSideOutput } from '../../functions/state/items/side-scan.ts';
import { mostUngatheredMs } from '../../functions/state/log/age-guard.ts';
import { sectionsIn } from '../../functions/state/log/entry.ts';
import { raiseGathered } from '../../functions/state/log/epoch.ts';
import { lastOfLog, noteSealed } from '../../functions/state/log/registration.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { type Call, notedTable } from '../fixtures/log/faulty-tables.ts';
import { cut, entriesOf, seal } from '../fixtures/log/shard-log.ts';
import { always, recordOf, shardId, shardWorld, startMs, textAt } from '../fixtures/log/shard-world.ts';

const minuteMs = 60_000;
const spec = {
  name: 'logs',
  event: z.object({ time: z.number(), key: z.string(), n: z.number() }),
  eventTime: { of: (event: { time: number }) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
} as const;
const pipeline = definePipeline({
  ...spec,
  queries: {
    minutes: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count(), sum: sum('n') } },
    hours: { where: (event) => event.n >= 0, window: tumbling('1 hour'), aggregates: { count: count() } },
  },
});
const allTime = { fromMs: startMs, toMs: startMs + minuteMs, limit: 100 };

describe('a batch', () => {
  it('is one empty read and one put in the steady state, however many queries, slices and keys', async () => {
    const world = shardWorld(pipeline);
    const calls: Call[] = [];
    const container = world.container({
      state: notedTable(world.state, calls),
      rejects: notedTable(world.rejects, calls),
    });
    const records = [recordOf(0, textAt(0))];
    await container.apply(records, always);
    for (let i = 1; i < 5; i++) {
      const texts = Array.from({ length: 50 }, (_, j) => textAt(j * minuteMs, { key: `k${i * j}` }));
      const record = recordOf(i, ...texts);
      records.push(record);
      calls.length = 0;
      await container.apply([record], always);
      expect(calls).toEqual([
        { name: 'query', pk: `log#${shardId}` },
        { name: 'put', pk: `log#${shardId}` },
      ]);
    }
    expect((await world.checked(records)).counters.counted).toBe(201);
  });

  it('puts each event into the first class that holds, and each pair where it is decided', async () => {
    const world = shardWorld(pipeline);
    const container = world.container();
    const records = [recordOf(0, textAt(0), textAt(1, { n: -1 }), 'garbage')];
    const first = await container.apply(records, always);
    expect(first.counters).toEqual({ received: 3, counted: 2, late: 0, duplicate: 0, rejected: 1, filtered: 0 });
    expect(first.queries).toEqual({
      minutes: { counted: 2, late: 0, filtered: 0 },
      hours: { counted: 1, late: 0, filtered: 1 },
    });
    await cut(world.state, shardId, { epoch: 1, closedThrough: startMs + minuteMs }, startMs);
    // Late for the one and counted by the other, late for the only one that wants it, and not late.
    const record = recordOf(1, textAt(2), textAt(3, { n: -1 }), textAt(minuteMs));
    records.push(record);
    const second = await container.apply([record], always);
    expect(second.counters).toEqual({ received: 3, counted: 2, late: 1, duplicate: 0, rejected: 0, filtered: 0 });
    expect(second.queries).toEqual({
      minutes: { counted: 1, late: 2, filtered: 0 },
      hours: { counted: 2, late: 0, filtered: 1 },
    });
    expect(second).toMatchObject({ maxEventTimeBefore: startMs + 1, maxEventTime: startMs + minuteMs });
    expect((await world.checked(records)).late).toEqual({ minutes: [3, 4] });
    const side = await readSideOutput(world.rejects, [shardId], allTime);
    expect(side.map(({ reason, query, position }) => ({ reason, query, position }))).toEqual([
      { reason: 'unparsable', query: undefined, position: 2 },
      { reason: 'late', query: 'minutes', position: 3 },
      { reason: 'late', query: 'minutes', position: 4 },
    ]);
  });

  it('of which nothing is accepted is an entry too, with totals and no sections', async () => {
    const world = shardWorld(pipeline);
    const container = world.container();
    const records = [recordOf(0, 'garbage', '{}'), recordOf(1), recordOf(2, '[]')];
    const { counters } = await container.apply(records, always);
    expect(counters).toEqual({ received: 3, counted: 0, late: 0, duplicate: 0, rejected: 3, filtered: 0 });
    const [, entry] = await entriesOf(world.state, shardId);
    expect(entry?.totals).toMatchObject({ sequenceNumber: records[2]?.sequenceNumber, lastArrival: startMs + 2 });
    expect(entry?.totals).toMatchObject({ maxEventTime: undefined, acceptedArrival: undefined, bytes: 0 });
    expect(entry === undefined ? undefined : await sectionsIn(world.state, shardId, entry)).toEqual([]);
    await world.checked(records);
  });

  it('of records that are in is nothing, for a warm container and a cold one', async () => {
    const world = shardWorld(pipeline);
    const container = world.container();
    const records = [recordOf(0, textAt(0)), recordOf(1, textAt(1))];
    await container.apply(records, always);
    for (const again of [container, world.container()])
      expect((await again.apply(records, always)).counters.received).toBe(0);
    expect(await world.kinds()).toEqual(['join', 'batch']);
    await world.checked(records);
  });

  it('gives the running totals to the next entry, and a barrier cuts what lies before it', async () => {
    const world = shardWorld(pipeline);
    const container = world.container();
    const records = [0, 1, 2].map((n) => recordOf(n, textAt(n)));
    for (const [i, record] of records.entries()) {
      world.nowMs = startMs + 100 * (i + 1);
      await container.apply([record], always);
      if (i === 1) await cut(world.state, shardId, { epoch: 7, closedThrough: startMs - 1 }, startMs + 250);
    }
    const [, one, two, barrier, three] = await entriesOf(world.state, shardId);
    expect(two?.totals).toMatchObject({ freshSince: startMs + 100, oldest: undefined, epoch: 0, barrier: 1 });
    expect(two?.totals.bytes).toBe(2 * (one?.totals.bytes ?? 0));
    expect(barrier?.totals).toMatchObject({ freshSince: undefined, oldest: startMs + 100, epoch: 7, barrier: 4 });
    expect(three?.totals).toMatchObject({ freshSince: startMs + 300, oldest: startMs + 100, epoch: 7, barrier: 4 });
    expect(three?.totals.bytes).toBe(one?.totals.bytes);
    await world.checked(records);
  });

  it('stops before a chunk that it has no time for, and says where', async () => {
    const world = shardWorld(pipeline);
    // More events than are read at a time, so that there are two chunks.
    const text = rejection('encoding', 'not a text');
    const many = Array.from({ length: 15_000 }, (_, subRecord) => ({ text, subRecord, bytes: () => new Uint8Array() }));
    const records = [{ ...recordOf(0), events: many }, { ...recordOf(1), events: many }, recordOf(2, textAt(0))];
    const rejects: Table = { ...world.rejects, put: async () => 'applied' };
    const container = world.container({ rejects });
    const report = await container.apply(records, () => 0);
    expect(report.resumeAt).toBe(records[2]?.sequenceNumber);
    expect(report.counters.received).toBe(30_000);
    const rest = await container.apply(records.slice(2), () => 0);
    expect(rest).toMatchObject({ resumeAt: undefined, counters: { received: 1, counted: 1 } });
    await world.checked(records);
  });
});

describe('a pair is late when its last closing is at or below C of the entry before', () => {
  const windows = definePipeline({
    ...spec,
    queries: {
      tumbling: { window: tumbling('1 minute'), aggregates: { count: count() } },
      lenient: { window: tumbling('1 minute'), allowedLateness: '1 minute', aggregates: { count: count() } },
      sliding: { window: sliding('3 minutes', '1 minute'), aggregates: { count: count() } },
      sessions: { window: session('1 minute', { resolution: '10 s' }), aggregates: { count: count() } },
    },
  });

  /** The queries for which an event a millisecond after the start is late behind a C. */
  async function lateBehind(closedThrough: number) {
    const world = shardWorld(windows);
    await cut(world.state, shardId, { epoch: 1, closedThrough }, startMs);
    const records = [recordOf(0, textAt(1))];
    await world.container().apply(records, always);
    return Object.keys((await world.checked(records)).late);
  }

  it.each([
    ['nothing closed', Number.NEGATIVE_INFINITY, []],
    ['a millisecond before the end', startMs + minuteMs - 1, []],
    ['exactly the end', startMs + minuteMs, ['tumbling']],
    ['a millisecond before sessions close', startMs + minuteMs + 9_999, ['tumbling']],
    ['the closing of sessions', startMs + minuteMs + 10_000, ['tumbling', 'sessions']],
    ['a millisecond before the end and the lateness', startMs + 2 * minuteMs - 1, ['tumbling', 'sessions']],
    ['the end and the lateness', startMs + 2 * minuteMs, ['tumbling', 'lenient', 'sessions']],
    ['all but one window over it closed', startMs + 3 * minuteMs - 1, ['tumbling', 'lenient', 'sessions']],
    ['the last window over it closed', startMs + 3 * minuteMs, ['tumbling', 'lenient', 'sliding', 'sessions']],
  ])('%s', async (_, closedThrough, late) => {
    expect(await lateBehind(closedThrough)).toEqual(late);
  });

  it('sessions keep their spans in the entries', async () => {
    const world = shardWorld(windows);
    const container = world.container();
    const records = [0, 30_000, 61_000, 200_000].map((offsetMs, n) => recordOf(n, textAt(offsetMs)));
    for (const record of records) await container.apply([record], always);
    const { slices } = await world.checked(records);
    const spans = Object.values(slices.sessions ?? {}).flatMap(({ keys }) => Object.values(keys));
    expect(spans).toContain(`[1,[${startMs},0,1]]`);
    expect(spans).toHaveLength(4);
  });
});

describe('the side output', () => {
  it('keeps the mark of a late event, whoever writes it again', async () => {
    const world = shardWorld(pipeline);
    await cut(world.state, shardId, { epoch: 1, closedThrough: startMs + minuteMs }, startMs);
    const records = [recordOf(0, textAt(0))];
    // The entry never gets there, so the batch is made again.
    const failing = { ...world.state, put: () => Promise.reject(new Error('no put')) };
    await expect(world.container({ state: failing }).apply(records, always)).rejects.toThrow('no put');
    const [event] = await readSideOutput(world.rejects, [shardId], allTime);
    if (event === undefined) throw new Error('nothing in the side output');
    await settle(world.rejects, event, 'discarded', startMs);
    await world.container().apply(records, always);
    const after = await readSideOutput(world.rejects, [shardId], allTime);
    expect(after).toEqual([{ ...event, settled: 'discarded' }]);
    await world.checked(records);
  });
});

describe('a log that is sealed', () => {
  it('has the records at or below its last one, and takes none above it', async () => {
    const world = shardWorld(pipeline);
    const warm = world.container();
    const records = [recordOf(0, textAt(0)), recordOf(1, textAt(1))];
    await warm.apply(records, always);
    await seal(world.state, shardId, startMs);
    for (const container of [warm, world.container()]) {
      expect((await container.apply(records, always)).counters.received).toBe(0);
      await expect(container.apply([...records, recordOf(2, textAt(2))], always)).rejects.toMatchObject({
        name: 'TidemarkError',
        message: expect.stringContaining(shardId),
      });
    }
    expect(await world.kinds()).toEqual(['join', 'batch', 'seal']);
    await world.checked(records);
  });

  it('says its last totals when its entries have expired', async () => {
    const world = shardWorld(pipeline);
    await world.container().apply([recordOf(0, textAt(0))], always);
    await seal(world.state, shardId, startMs);
    const entries = await entriesOf(world.state, shardId);
    const last = entries[entries.length - 1];
    if (last === undefined) throw new Error('no seal');
    await noteSealed(world.state, shardId, last);
    for (const { item } of entries) await world.state.delete(item);
    expect((await lastOfLog(world.state, shardId))?.totals).toEqual(last.totals);
    expect(await lastOfLog(world.state, 'another')).toBeUndefined();
  });
});

describe('a log far behind which nothing is gathered', () => {
  it('takes no more records, until the oldest of its entries is gathered', async () => {
    const world = shardWorld(pipeline);
    const calls: Call[] = [];
    const container = world.container({ state: notedTable(world.state, calls) });
    const records = [0, 1, 2, 3, 4, 5].map((n) => recordOf(n, textAt(n)));
    const apply = (n: number) => container.apply(records.slice(n, n + 1), always);
    await apply(0);
    await cut(world.state, shardId, { epoch: 1, closedThrough: startMs - 1 }, startMs);
    // Below a quarter of the bound nobody asks; from there on an alarm needs the age as it is.
    world.nowMs = startMs + mostUngatheredMs / 4;
    expect((await apply(1)).ungatheredMs).toBe(mostUngatheredMs / 4);
    expect(calls.some(({ pk }) => pk === 'gathered')).toBe(false);
    world.nowMs = startMs + mostUngatheredMs;
    expect((await apply(2)).ungatheredMs).toBe(mostUngatheredMs);
    world.nowMs++;
    await expect(apply(3)).rejects.toMatchObject({ name: 'TidemarkError', message: expect.stringContaining(shardId) });
    await raiseGathered(world.state, { epoch: 1, closedThrough: startMs - 1 });
    expect(await apply(3)).toMatchObject({ counters: { counted: 1 }, ungatheredMs: 3 * (mostUngatheredMs / 4) + 1 });
    await cut(world.state, shardId, { epoch: 2, closedThrough: startMs - 1 }, world.nowMs);
    await raiseGathered(world.state, { epoch: 2, closedThrough: startMs - 1 });
    expect((await apply(4)).ungatheredMs).toBe(0);
    // It is known to be gathered now, and what lies behind it is of today.
    calls.length = 0;
    await apply(5);
    expect(calls.some(({ pk }) => pk === 'gathered')).toBe(false);
    world.nowMs += mostUngatheredMs + 1;
    await expect(apply(5).then(() => container.apply([recordOf(6, textAt(6))], always))).rejects.toMatchObject({
      name: 'TidemarkError',
    });
    await world.checked(records);
  });

  it('takes records again after a long silence in which everything was gathered', async () => {
    const world = shardWorld(pipeline);
    const records = [recordOf(0, textAt(0)), recordOf(1, textAt(1))];
    await world.container().apply(records.slice(0, 1), always);
    await cut(world.state, shardId, { epoch: 1, closedThrough: startMs - 1 }, startMs);
    await raiseGathered(world.state, { epoch: 1, closedThrough: startMs - 1 });
    world.nowMs += 5 * mostUngatheredMs;
    expect((await world.container().apply(records, always)).counters.counted).toBe(1);
    await world.checked(records);
  });
});

describe('a query that begins at a moment', () => {
  const withFrom = definePipeline({
    ...spec,
    queries: {
      minutes: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count(), sum: sum('n') } },
      since: { from: new Date(startMs).toISOString(), window: tumbling('1 minute'), aggregates: { count: count() } },
    },
  });
  const missedIn = async (world: ReturnType<typeof shardWorld>) =>
    (await world.state.get(definitionKey('since')))?.attributes.missedThrough;

  it('has a gap when code that does not know it was there first', async () => {
    const world = shardWorld(pipeline);
    await world.container().apply([recordOf(0, textAt(5))], always);
    await world.container({ pipeline: withFrom }).apply([recordOf(1, textAt(1))], always);
    expect(await missedIn(world)).toBe(startMs + 5);
  });

  it('has none when its code was there in time', async () => {
    const world = shardWorld(pipeline);
    await world.container().apply([recordOf(0, textAt(-5))], always);
    const container = world.container({ pipeline: withFrom });
    for (const n of [1, 2]) await container.apply([recordOf(n, textAt(n))], always);
    expect(await missedIn(world)).toBeUndefined();
  });

  it('has a gap when code that does not know it was put back for a while', async () => {
    const world = shardWorld(pipeline);
    const container = world.container({ pipeline: withFrom });
    await container.apply([recordOf(0, textAt(0))], always);
    await world.container().apply([recordOf(1, textAt(7))], always);
    expect(await missedIn(world)).toBeUndefined();
    await container.apply([recordOf(2, textAt(1))], always);
    expect(await missedIn(world)).toBe(startMs + 7);
    const entries = await entriesOf(world.state, shardId);
    expect(entries.map(({ totals }) => totals.passedOver)).toEqual([[], [], ['since'], ['hours']]);
  });
});
