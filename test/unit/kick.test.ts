import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, session, tumbling } from '../../functions/core/index.ts';
import { edgePassed, mayBeSlowest } from '../../functions/state/aggregate/kick.ts';
import { commitProgress, noProgress, type ShardProgress } from '../../functions/state/items/progress.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { itemStore } from '../simulation/item-store.ts';
import { memoryTable } from '../simulation/memory-table.ts';

const minuteMs = 60_000;
const pipeline = definePipeline({
  name: 'kick',
  event: z.object({ time: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: '10 seconds', idle: '1 minute' },
  queries: {
    perMinute: { window: tumbling('1 minute'), aggregates: { count: count() } },
    perHour: { window: tumbling('1 hour'), aggregates: { count: count() } },
  },
});

describe('the edge that a commit passes', () => {
  it.each([
    ['none while the watermark stays in its window', 70_000, 129_999, undefined],
    ['exactly at the end of a window', 129_999, 130_000, 2 * minuteMs],
    ['the latest of several windows', 70_000, 70_000 + 5 * minuteMs, 6 * minuteMs],
    ['none when nothing moves', 130_000, 130_000, undefined],
    ['the first one of a shard', undefined, 130_000, 0],
    ['before 1970', -50_001, -49_999, -minuteMs],
    ['the least of the queries', 3_600_000, 3_610_000, 3_600_000],
  ])('is %s', (_, before, after, edge) => {
    expect(edgePassed(pipeline, before, after)).toBe(edge);
  });
});

it('sessions end at the multiples of their resolution, which the watermark passes when it reaches them', () => {
  const sessions = definePipeline({
    name: 'kick',
    event: z.object({ time: z.number() }),
    eventTime: (event) => event.time,
    watermark: { delay: 0 },
    queries: { sessions: { window: session('1 minute', { resolution: '10 s' }), aggregates: { count: count() } } },
  });
  expect(edgePassed(sessions, 19_999, 20_000)).toBe(20_000);
  expect(edgePassed(sessions, 20_000, 29_999)).toBeUndefined();
  expect(edgePassed(sessions, 20_000, 47_000)).toBe(40_000);
});

describe('a shard may be the slowest', () => {
  const nowMs = 1_000_000;
  const edge = 10 * minuteMs;
  const live = { acceptedArrival: nowMs, lastArrival: nowMs };

  async function state(shards: Readonly<Record<string, Partial<ShardProgress>>>) {
    const store = itemStore();
    const table = memoryTable(store);
    for (const [shardId, progress] of Object.entries(shards))
      await commitProgress(table, shardId, noProgress, { ...noProgress, sequenceNumber: '1', ...progress });
    let reads = 0;
    const counted: Table = {
      ...table,
      query: (...given) => {
        reads++;
        return table.query(...given);
      },
    };
    return { table: counted, reads: () => reads };
  }
  const asked = async (shards: Readonly<Record<string, Partial<ShardProgress>>>) =>
    mayBeSlowest((await state(shards)).table, pipeline, 'a', edge, nowMs);

  it('alone', async () => expect(await asked({ a: { maxEventTime: edge + 10_000, ...live } })).toBe(true));

  it('when all others have passed the edge', async () =>
    expect(
      await asked({ a: { maxEventTime: edge + 10_000, ...live }, b: { maxEventTime: edge + 10_000, ...live } }),
    ).toBe(true));

  it('not while another one lags', async () =>
    expect(await asked({ a: {}, b: { maxEventTime: edge + 9_999, ...live } })).toBe(false));

  it('when the one that lags may be idle', async () =>
    expect(await asked({ a: {}, b: { maxEventTime: 0, lastArrival: nowMs, acceptedArrival: nowMs - minuteMs } })).toBe(
      true,
    ));

  it('not while another one has had no event time, until that may be idle', async () => {
    expect(await asked({ a: {}, b: { lastArrival: nowMs - minuteMs + 1 } })).toBe(false);
    expect(await asked({ a: {}, b: { lastArrival: nowMs - minuteMs } })).toBe(true);
  });

  it('among many: the last one is found, and the first one that lags ends the search', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`shard-${i}`, { maxEventTime: edge + 10_000, ...live }]),
    );
    const last = Object.keys(many).sort().at(-1) ?? '';
    const passed = await state(many);
    expect(await mayBeSlowest(passed.table, pipeline, 'a', edge, nowMs)).toBe(true);
    expect(passed.reads()).toBeGreaterThan(10);
    expect(await asked({ ...many, [last]: { maxEventTime: 0, ...live } })).toBe(false);
    const behind = await state(
      Object.fromEntries(Object.keys(many).map((shard) => [shard, { maxEventTime: 0, ...live }])),
    );
    expect(await mayBeSlowest(behind.table, pipeline, 'a', edge, nowMs)).toBe(false);
    expect(behind.reads()).toBe(1);
  });
});
