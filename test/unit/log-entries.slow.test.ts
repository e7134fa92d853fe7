import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { avg, count, definePipeline, max, min, sliding, sum, tumbling } from '../../functions/core/index.ts';
import { mostEntryBytes } from '../../functions/state/log/content.ts';
import { sectionsIn } from '../../functions/state/log/entry.ts';
import { entryLifeMs } from '../../functions/state/log/log.ts';
import { itemBytes } from '../../functions/state/table/item-bytes.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { seededRandom } from '../../functions/testing/random.ts';
import { broken, fatefulTable, type PutFate } from '../fixtures/log/faulty-tables.ts';
import { cut, entriesOf } from '../fixtures/log/shard-log.ts';
import {
  always,
  recordOf,
  type ShardWorld,
  shardId,
  shardWorld,
  startMs,
  textAt,
} from '../fixtures/log/shard-world.ts';

const minuteMs = 60_000;
const spec = {
  name: 'logs',
  event: z.object({ time: z.number(), key: z.string(), n: z.number() }),
  eventTime: { of: (event: { time: number }) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
} as const;
const counted = definePipeline({
  ...spec,
  queries: { byKey: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count() } } },
});
const pipeline = definePipeline({
  ...spec,
  queries: {
    byKey: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count() } },
    ofTheDay: { groupBy: ['key'], window: tumbling('1 day'), aggregates: { sum: sum('n') } },
    all: { window: tumbling('1 minute'), aggregates: { count: count() } },
  },
});

const random = seededRandom(17);
const uuid = () =>
  Array.from(
    { length: 32 },
    (_, i) => `${[8, 12, 16, 20].includes(i) ? '-' : ''}${random.int(0, 15).toString(16)}`,
  ).join('');
/** Events, each with a key of a kilobyte that does not compress. */
const wideTexts = (events: number, offsetMs = 0) =>
  Array.from({ length: events }, () => {
    const key = Array.from({ length: 1000 }, () => String.fromCharCode(random.int(35, 91))).join('');
    return textAt(offsetMs, { key });
  });

const largest = async (world: ShardWorld) =>
  Math.max(...(await entriesOf(world.state, shardId)).map(({ item }) => itemBytes(item)));
const partsIn = (world: ShardWorld) => [...world.stores.state.all()].filter(({ pk }) => pk.startsWith('log-part#'));

describe('a batch that does not fit an entry', () => {
  it('is cut into entries of whole records, each below 300 KB', async () => {
    const world = shardWorld(pipeline);
    const records = Array.from({ length: 40 }, (_, n) => recordOf(n, ...wideTexts(60), 'garbage'));
    const report = await world.container().apply(records, always);
    expect(report.counters).toMatchObject({ received: 40 * 61, counted: 40 * 60, rejected: 40 });
    const entries = await entriesOf(world.state, shardId);
    expect(entries.length).toBeGreaterThan(3);
    expect(entries.length).toBeLessThan(16);
    expect(await largest(world)).toBeLessThan(mostEntryBytes);
    for (const { totals } of entries.slice(1)) expect(totals.counters.received % 61).toBe(0);
    expect(partsIn(world)).toEqual([]);
    await world.checked(records);
  });

  it('goes on behind a barrier in its middle, and events keep their positions', async () => {
    const world = shardWorld(pipeline);
    const records = Array.from({ length: 20 }, (_, n) => recordOf(n, ...wideTexts(60), textAt(0)));
    let puts = 0;
    const state = fatefulTable(world.state, async ({ pk }): Promise<PutFate> => {
      if (pk.startsWith('log#') && ++puts === 3)
        await cut(world.state, shardId, { epoch: 1, closedThrough: startMs + minuteMs }, startMs);
      return 'told';
    });
    await world.container({ state }).apply(records, always);
    const { late } = await world.checked(records);
    expect(late.byKey?.length).toBeGreaterThan(61);
    expect(late.byKey?.at(-1)).toBe(20 * 61 - 1);
    expect(late.ofTheDay).toBeUndefined();
  });

  it('puts no more of it when another has put the rest, behind an entry whose outcome was not told', async () => {
    const world = shardWorld(pipeline);
    const records = Array.from({ length: 20 }, (_, n) => recordOf(n, ...wideTexts(60)));
    let puts = 0;
    const state: Table = {
      ...world.state,
      put: async (item, when) => {
        const outcome = await world.state.put(item, when);
        if (!item.pk.startsWith('log#') || ++puts !== 2) return outcome;
        await world.container().apply(records, always);
        throw broken;
      },
    };
    const { counters } = await world.container({ state }).apply(records, always);
    const [, ours] = await entriesOf(world.state, shardId);
    expect(counters).toEqual(ours?.totals.counters);
    await world.checked(records);
  });

  it('stops between two of its entries when time is short', async () => {
    const world = shardWorld(pipeline);
    const records = Array.from({ length: 20 }, (_, n) => recordOf(n, ...wideTexts(60)));
    const container = world.container();
    const { resumeAt, counters } = await container.apply(records, () => 0);
    const first = records.findIndex(({ sequenceNumber }) => sequenceNumber === resumeAt);
    expect(counters.received).toBe(first * 60);
    expect(first).toBeGreaterThan(0);
    await container.apply(records.slice(first), always);
    await world.checked(records);
  });
});

describe('a record that does not fit an entry', () => {
  /** A record with more keys, slices and late events than an item holds. */
  const hugeRecord = (n: number): StreamRecord =>
    recordOf(n, ...wideTexts(700), ...wideTexts(100, 2 * minuteMs), textAt(0, { key: 'one' }));

  it('puts its parts first, and the entry that names them says all of it', async () => {
    const world = shardWorld(pipeline);
    const records = [recordOf(0, textAt(0)), hugeRecord(1), recordOf(2, textAt(0, { key: 'one' }))];
    let partsBefore = 0;
    const state = fatefulTable(world.state, ({ attributes }) => {
      if ('parts' in attributes) partsBefore = partsIn(world).length;
      return 'told';
    });
    await world.container({ state }).apply(records, always);
    const entries = await entriesOf(world.state, shardId);
    const entry = entries.find(({ item }) => item.attributes.parts !== undefined);
    expect(entry?.item.attributes).toMatchObject({ parts: partsBefore, attempt: expect.any(String) });
    expect(partsBefore).toBeGreaterThan(3);
    expect(entry?.totals.bytes).toBeGreaterThan(mostEntryBytes);
    for (const part of partsIn(world)) {
      expect(itemBytes(part)).toBeLessThan(mostEntryBytes);
      expect(Number(part.attributes.expiresAt) * 1000).toBeGreaterThan(world.nowMs + entryLifeMs);
    }
    await world.checked(records);
  });

  it('says its late events too, and names the parts of the attempt that was put', async () => {
    const world = shardWorld(pipeline);
    const records = [recordOf(0, textAt(0)), hugeRecord(1)];
    let epoch = 0;
    const state = fatefulTable(world.state, async ({ attributes }): Promise<PutFate> => {
      if ('parts' in attributes && epoch < 2) {
        epoch++;
        // The first time with more that is late, the second time with as much.
        await cut(world.state, shardId, { epoch, closedThrough: startMs + minuteMs }, startMs);
      }
      return 'told';
    });
    const rejects = { ...world.rejects, put: async () => 'applied' as const };
    await world.container({ state, rejects }).apply(records, always);
    const { late, slices } = await world.checked(records);
    expect(late.byKey).toHaveLength(701);
    expect(Object.keys(slices.byKey ?? {}).map(Number)).toEqual([startMs, startMs + 2 * minuteMs]);
    expect(new Set(partsIn(world).map(({ pk }) => pk)).size).toBe(2);
  });

  it('of which a part is missing is an error, never less', async () => {
    const world = shardWorld(pipeline);
    await world.container().apply([hugeRecord(0)], always);
    const [part] = partsIn(world);
    if (part !== undefined) await world.state.delete(part);
    const [, entry] = await entriesOf(world.state, shardId);
    if (entry === undefined) throw new Error('no entry');
    await expect(sectionsIn(world.state, shardId, entry)).rejects.toThrow('parts');
  });

  it('fits in parts with many slices and long lists of late events', async () => {
    const many = definePipeline({
      ...spec,
      queries: {
        slices: { groupBy: ['key'], window: sliding('1 minute', '1 second'), aggregates: { count: count() } },
        late: { where: ({ n }) => n === 0, window: tumbling('1 minute'), aggregates: { count: count() } },
      },
    });
    const world = shardWorld(many);
    await cut(world.state, shardId, { epoch: 1, closedThrough: startMs + 10 * minuteMs }, startMs);
    const texts = Array.from({ length: 20_000 }, (_, i) => textAt((i % 3000) * 1000, { n: i % 2, key: `${uuid()}` }));
    const records = [recordOf(0, ...texts)];
    const rejects = { ...world.rejects, put: async () => 'applied' as const };
    await world.container({ rejects }).apply(records, always);
    const { late } = await world.checked(records);
    expect(late.late?.length).toBeGreaterThan(1_900);
    expect(partsIn(world).length).toBeLessThan(25);
  });
});

describe('the write units of a batch of 1,000 events follow its bytes', () => {
  const five = definePipeline({
    ...spec,
    queries: {
      byKey: {
        groupBy: ['key'],
        window: tumbling('1 minute'),
        aggregates: { count: count(), sum: sum('n'), min: min('n'), max: max('n'), avg: avg('n') },
      },
    },
  });
  const name = (keys: number) => `user-${String(random.int(0, keys - 1)).padStart(5, '0')}`;

  it.each([
    ['2 keys', counted, () => name(2), 1],
    ['100 keys', counted, () => name(100), 1],
    ['10,000 keys', counted, () => name(10_000), 3],
    ['1,000,000 keys', counted, () => name(1_000_000), 4],
    ['UUIDs', counted, uuid, 20],
    ['100 keys, five aggregates', five, () => name(100), 2],
  ] as const)('%s', async (_, ofKeys, key, mostUnits) => {
    const world = shardWorld(ofKeys);
    const container = world.container();
    // The totals of a shard that has counted a billion events.
    const records = Array.from({ length: 8 }, (_, i) =>
      recordOf(i, ...Array.from({ length: 1000 }, () => textAt(i * 10, { key: key(), n: random.int(0, 99) }))),
    );
    for (const record of records) await container.apply([record], always);
    await cut(world.state, shardId, { epoch: 12_345, closedThrough: startMs - 1 }, startMs);
    const last = recordOf(9, ...Array.from({ length: 1000 }, () => textAt(99, { key: key(), n: random.int(0, 99) })));
    await container.apply([last], always);
    const units = (await entriesOf(world.state, shardId)).slice(1).map(({ item }) => Math.ceil(itemBytes(item) / 1024));
    expect(Math.max(...units)).toBeLessThanOrEqual(mostUnits);
    await world.checked([...records, last]);
  });
});
