import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { type FirstOccurrence, packFirsts } from '../../functions/core/log/first-occurrences.ts';
import { type EpochRange, mergesAt } from '../../functions/core/log/merge-tree.ts';
import { epochBounds } from '../../functions/state/epochs/bounds.ts';
import { cutNow } from '../../functions/state/epochs/finalizer.ts';
import { gatherIds, mergeIds } from '../../functions/state/epochs/gather-ids.ts';
import type { IdBytes } from '../../functions/state/epochs/mark.ts';
import { eachIdSegment, firstsIn, type IdSegment } from '../../functions/state/log/id-segment.ts';
import { readIdsBehind } from '../../functions/state/log/read-ids.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { type Call, notedTable } from '../fixtures/log/faulty-tables.ts';
import { entriesOf } from '../fixtures/log/shard-log.ts';
import {
  always,
  recordOf,
  type ShardWorld,
  shardId,
  shardWorld,
  startMs,
  textAt,
} from '../fixtures/log/shard-world.ts';

const withoutLimit = Number.NEGATIVE_INFINITY;

/** One id an epoch, of its number, a second after the one before. Some epochs have none. */
const idOf = (epoch: number): FirstOccurrence => ({ id: { high: 0, low: epoch }, atMs: epoch * 1000 });

const dataOf = (epoch: number) => packFirsts([idOf(epoch)]).map(({ data }) => ({ data, until: epoch }));

/** Gathers and merges epochs as finalize does. */
async function gathered(state: Table, epochs: number, idBytes: number, has: (epoch: number) => boolean = () => true) {
  const marks: { readonly ids: IdBytes }[] = [];
  const options = { state, bounds: { idBytes } };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const ids = has(epoch) ? dataOf(epoch) : [];
    marks.push({ ids: await gatherIds(options, epoch, 0, new Map([[shardId, ids]])) });
    for (const range of mergesAt(epoch)) await mergeIds(options, range, marks.slice(range.from - 1, range.to));
  }
}

async function read(state: Table, range: EpochRange, fromMs = withoutLimit) {
  const segments: IdSegment[] = [];
  await eachIdSegment(state, shardId, range, fromMs, (one) => segments.push(one));
  return segments;
}

const lows = (segments: readonly IdSegment[]) =>
  firstsIn(segments)
    .map(({ id }) => id.low)
    .sort((left, right) => left - right);

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

describe('segments of ids', () => {
  it('are read as the fewest that hold them, each id once, whatever the epoch', async () => {
    const state = memoryTable();
    const has = (epoch: number) => epoch % 3 !== 0 && (epoch < 20 || epoch > 45);
    await gathered(state, 600, 10_000, has);
    for (const through of [1, 7, 8, 9, 63, 64, 65, 100, 511, 512, 513, 600]) {
      const segments = await read(state, { from: 1, to: through });
      expect(lows(segments)).toEqual(upTo(through).filter(has));
      expect(segments.length).toBeLessThanOrEqual(4 * 8);
    }
    expect((await read(state, { from: 1, to: 512 })).map(({ from, to }) => [from, to])).toEqual([[1, 512]]);
  });

  it('are not merged where they would not fit one item, and are read all the same', async () => {
    const state = memoryTable();
    // A segment of one id takes 11 bytes or more.
    await gathered(state, 200, 80);
    const segments = await read(state, { from: 1, to: 200 });
    expect(lows(segments)).toEqual(upTo(200));
    expect(segments).toHaveLength(200);
  });

  it('are not merged in part where some marks of their epochs have expired', async () => {
    const state = memoryTable();
    await gathered(state, 7, 80);
    const marks = [1, 2].map(() => ({ ids: { [shardId]: 11 } }));
    await gatherIds({ state, bounds: { idBytes: 80 } }, 8, 0, new Map([[shardId, dataOf(8)]]));
    await mergeIds({ state, bounds: { idBytes: 80 } }, { from: 1, to: 8 }, marks);
    expect(lows(await read(state, { from: 1, to: 8 }))).toEqual(upTo(8));
  });

  it('are read no further back than the horizon, and not within merged ones', async () => {
    const store = itemStore();
    await gathered(memoryTable(store), 600, 10_000);
    const calls: Call[] = [];
    const state = notedTable(memoryTable(store), calls);
    const segments = await read(state, { from: 1, to: 600 }, 590_500);
    expect(segments.map(({ from, to }) => [from, to])).toEqual([
      [593, 600],
      [585, 592],
    ]);
    // A query of each size but the least: larger ones, or the horizon, leave nothing of it.
    expect(calls).toHaveLength(3);
  });

  it('expire when the last of their members would', async () => {
    const store = itemStore();
    await gathered(memoryTable(store), 16, 10_000);
    const expiries = (size: number) =>
      [...store.all()]
        .filter(({ pk }) => pk === `ids#${shardId}#${size}`)
        .map(({ attributes }) => attributes['expiresAt']);
    expect(expiries(1)).toEqual(upTo(16));
    expect(expiries(8)).toEqual([8, 16]);
  });

  it('come in pieces when one epoch has many, and by any other cut are there again, whole', async () => {
    const store = itemStore();
    const state = memoryTable(store);
    const firsts = Array.from({ length: 100_000 }, (_, i): FirstOccurrence => ({ id: { high: i, low: i }, atMs: i }));
    const ids = packFirsts(firsts).map(({ data }) => ({ data, until: 1 }));
    // The first takes more pieces than are read at a time.
    for (const idBytes of [12_000, epochBounds.idBytes]) {
      await gatherIds({ state, bounds: { idBytes } }, 1, 0, new Map([[shardId, ids]]));
      // The store refuses items beyond 400 KB.
      const held = firstsIn(await read(state, { from: 1, to: 1 })).map(({ id }) => id.low);
      expect(new Set(held).size).toBe(firsts.length);
    }
  });
});

const deduplicating = (dedup: boolean) =>
  definePipeline({
    name: 'logs',
    event: z.object({ time: z.number(), id: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    ...(dedup ? { dedup: { by: (event: { readonly id: string }) => event.id, within: '1 minute' } } : {}),
    queries: { minutes: { window: tumbling('1 minute'), aggregates: { count: count() } } },
  });

const pipeline = deduplicating(true);
const withId = (id: string) => textAt(0, { id });

/** An epoch that gathers all that is in. */
async function gather({ state }: ShardWorld, code = pipeline): Promise<void> {
  const epoch = await cutNow(
    {
      pipeline: code,
      state,
      windows: memoryTable(),
      stream: {
        identity: async () => ({ name: 'stream', createdAt: 0 }),
        listShards: async () => [],
        tail: async () => 'more',
      },
      limit: (call) => call(),
      publish: async () => {},
      now: () => startMs,
      runId: 'run',
      remainingMs: () => 60_000,
      retentionMs: 86_400_000,
    },
    withoutLimit,
  );
  expect(epoch).toBeDefined();
}

/** How many of the ids a container finds to be duplicates, by a record behind all others. */
async function duplicatesOf(container: ReturnType<ShardWorld['container']>, n: number, ...ids: readonly string[]) {
  return (await container.apply([recordOf(n, ...ids.map(withId))], always)).counters.duplicate;
}

describe('the ids of a shard', () => {
  it('of one record that is too large for an entry are in its parts, and gathered from there', async () => {
    const world = shardWorld(pipeline);
    const ids = Array.from({ length: 70_000 }, (_, i) => `id-${i}`);
    await world.container().apply([recordOf(1, ...ids.map(withId))], always);
    const [, entry] = await entriesOf(world.state, shardId);
    expect(entry?.item.attributes['parts']).toBeGreaterThan(2);
    expect(await duplicatesOf(world.container(), 2, 'id-0', 'id-69999', 'another')).toBe(2);
    await gather(world);
    expect(await duplicatesOf(world.container(), 3, 'id-0', 'id-35000', 'id-69999', 'another', 'a third')).toBe(4);
  });

  it('are carried on by a finalizer whose code does not deduplicate', async () => {
    const world = shardWorld(pipeline);
    await world.container().apply([recordOf(1, withId('a'))], always);
    await gather(world, deduplicating(false));
    for (const { item } of (await entriesOf(world.state, shardId)).slice(0, 2)) await world.state.delete(item);
    expect(await duplicatesOf(world.container(), 2, 'a', 'b')).toBe(1);
  });

  it('live for the horizon, the retention and two days, by the clock of the shard', async () => {
    const world = shardWorld(pipeline);
    await world.container().apply([recordOf(1, withId('a')), recordOf(500, withId('a'))], always);
    await gather(world);
    const [segment] = [...world.stores.state.all()].filter(({ pk }) => pk.startsWith('ids#'));
    const keptSeconds = 60 + (168 + 48) * 3600;
    expect(segment?.attributes['expiresAt']).toBe(Math.ceil((startMs + 500) / 1000) + keptSeconds);
  });

  it('are taken from an entry of code that did not deduplicate as none', async () => {
    const world = shardWorld(deduplicating(false));
    await world.container().apply([recordOf(1, withId('a'))], always);
    expect(await duplicatesOf(world.container({ pipeline }), 2, 'a', 'b', 'a')).toBe(1);
    await gather(world);
    expect(await duplicatesOf(world.container({ pipeline }), 3, 'a', 'b')).toBe(2);
  });

  it('are found by a warm container far behind, in segments and entries', async () => {
    const world = shardWorld(pipeline);
    const [warm, other] = [world.container(), world.container()];
    await warm.apply([recordOf(1, withId('a'))], always);
    const put = (n: number) => other.apply([recordOf(n, withId(`id-${n}`))], always);
    for (let n = 2; n < 50; n++) await put(n);
    await gather(world);
    for (let n = 50; n < 200; n++) await put(n);
    expect(await duplicatesOf(warm, 200, 'a', ...upTo(199).map((n) => `id-${n}`), 'b')).toBe(199);
  });

  it('are read from the last entry back to the horizon, and no further', async () => {
    const world = shardWorld(pipeline);
    const container = world.container();
    for (let n = 1; n <= 200; n++) await container.apply([recordOf(n * 1000, withId(`id-${n}`))], always);
    const calls: Call[] = [];
    const found: number[] = [];
    const { position } = (await entriesOf(world.state, shardId)).at(-1) ?? { position: 0 };
    const reading = {
      state: notedTable(world.state, calls),
      shardId,
      fromMs: startMs + 140_000,
      visit: ({ atMs }: FirstOccurrence) => found.push((atMs - startMs) / 1000),
    };
    expect(await readIdsBehind(reading, 2, position)).toBe('whole');
    expect(found.length).toBe(64);
    expect(Math.min(...found)).toBeLessThanOrEqual(140);
    expect(calls).toHaveLength(1);
    await world.state.delete({ pk: `log#${shardId}`, sk: String(position - 3).padStart(12, '0') });
    expect(await readIdsBehind(reading, 2, position)).toBe('gone');
  });
});
