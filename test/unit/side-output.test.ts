import { describe, expect, it } from 'vitest';
import { type ShardSideEvent, writeSideOutput } from '../../functions/state/items/side-event.ts';
import { claim, readSideEvent, settle } from '../../functions/state/items/side-mark.ts';
import { hourMs, type SidePlace } from '../../functions/state/items/side-place.ts';
import { readSideOutput, scanSideOutput, sideOutput } from '../../functions/state/items/side-scan.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const t0 = Date.parse('2026-03-01T22:00:00Z');
const shardId = 'shardId-000000000000';

const sideEvent = (i: number, arrival = t0 + i): ShardSideEvent => ({
  reason: i % 2 === 0 ? 'late' : 'schema',
  detail: 'planted',
  sequenceNumber: String(1_000_000 + i),
  subRecord: 0,
  position: i,
  query: i % 2 === 0 ? 'q' : undefined,
  arrival,
  eventTime: t0,
  partitionKey: 'k',
  payload: Buffer.from(`event ${i}`),
});

/** A table that counts its calls. */
function counted(table: Table) {
  const calls = { put: 0, putAll: 0, query: 0 };
  const counting: Table = {
    ...table,
    put: (...call) => {
      calls.put++;
      return table.put(...call);
    },
    putAll: (...call) => {
      calls.putAll++;
      return table.putAll(...call);
    },
    query: (...call) => {
      calls.query++;
      return table.query(...call);
    },
  };
  return { table: counting, calls };
}

const all = { fromMs: t0 - 30 * 24 * hourMs, toMs: t0 + 24 * hourMs, limit: 1_000_000 };
const positions = (events: readonly { readonly position?: number | undefined }[]) =>
  events.map(({ position }) => position);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('the side output', () => {
  it('spreads a storm of one shard evenly over partitions, and gives it back in its order', async () => {
    const store = itemStore();
    const { table, calls } = counted(memoryTable(store));
    const storm = numbers(4000).map((i) => sideEvent(i));
    for (let at = 0; at < storm.length; at += 1000) await writeSideOutput(table, shardId, storm.slice(at, at + 1000));
    expect(calls).toMatchObject({ put: 0, putAll: 4 });
    const partitions = new Map<string, number>();
    for (const { pk } of store.all()) partitions.set(pk, (partitions.get(pk) ?? 0) + 1);
    expect(partitions.size).toBe(17);
    // A second of it asks no partition for as much as DynamoDB gives.
    expect(Math.max(...partitions.values()) / 4).toBeLessThan(1000 / 8);
    expect(positions(await readSideOutput(table, [shardId], all))).toStrictEqual(numbers(4000));
  });

  it('is the same however often it is written, and keeps what is decided about an event', async () => {
    const table = memoryTable(itemStore());
    const events = numbers(60).map((i) => sideEvent(i));
    await writeSideOutput(table, shardId, events);
    const [late, , other] = await readSideOutput(table, [shardId], all);
    if (late === undefined || other === undefined) throw new Error('no event');
    expect(await claim(table, late, { id: 'a', until: 1 })).toBe('applied');
    expect(await settle(table, other, 'discarded', 1)).toBe('applied');
    await writeSideOutput(table, shardId, events);
    const after = await readSideOutput(table, [shardId], all);
    expect(positions(after)).toStrictEqual(numbers(60));
    expect(after[0]).toMatchObject({ claim: { id: 'a' }, settled: null });
    expect(after[2]).toMatchObject({ claim: undefined, settled: 'discarded' });
    expect(after.filter(({ settled, claim: own }) => settled !== null || own !== undefined)).toHaveLength(2);
    expect(await readSideEvent(table, late)).toStrictEqual(after[0]);
  });

  it('marks each event, whichever page its mark is on', async () => {
    const table = memoryTable(itemStore());
    await writeSideOutput(
      table,
      shardId,
      numbers(1500).map((i) => sideEvent(i)),
    );
    const before = await readSideOutput(table, [shardId], all);
    for (const event of before)
      if ((event.position ?? 0) % 3 !== 0) expect(await settle(table, event, 'discarded', 1)).toBe('applied');
    const after = await readSideOutput(table, [shardId], all);
    expect(after.map(({ settled }) => settled)).toStrictEqual(
      numbers(1500).map((i) => (i % 3 === 0 ? null : 'discarded')),
    );
  });

  it('passes by a mark whose event is gone', async () => {
    const store = itemStore();
    const table = memoryTable(store);
    await writeSideOutput(table, shardId, [sideEvent(0), sideEvent(2)]);
    const [first] = await readSideOutput(table, [shardId], all);
    if (first === undefined) throw new Error('no event');
    await settle(table, first, 'replayed', 1);
    for (const { pk, sk } of [...store.all()]) if (sk === '1000000#0#q') await table.delete({ pk, sk });
    expect(positions(await readSideOutput(table, [shardId], all))).toStrictEqual([2]);
    expect(await readSideEvent(table, first)).toBeUndefined();
  });

  it('is read on behind any place, over hours, days and shards', async () => {
    const table = memoryTable(itemStore());
    const shards = ['a', 'b', 'b#c'];
    for (const shard of shards)
      await writeSideOutput(
        table,
        shard,
        numbers(40).map((i) => sideEvent(i, t0 + Math.floor(i / 10) * hourMs)),
      );
    const read = async (after?: SidePlace) => {
      const found: (readonly [SidePlace, string])[] = [];
      for await (const { event, place } of sideOutput(table, shards, all, after))
        found.push([place, `${event.shardId} ${event.position}`]);
      return found;
    };
    const whole = await read();
    expect(whole.map(([, name]) => name)).toStrictEqual(
      shards.flatMap((shard) => numbers(40).map((i) => `${shard} ${i}`)),
    );
    for (const [i, [place]] of whole.entries()) {
      const rest = await read(place);
      expect(rest.map(([, name]) => name)).toStrictEqual(whole.slice(i + 1).map(([, name]) => name));
    }
  });

  it('is found with a read a day where there is nothing, and one a partition where there is', async () => {
    const { table, calls } = counted(memoryTable(itemStore()));
    await writeSideOutput(table, shardId, [sideEvent(0), sideEvent(1, t0 + hourMs)]);
    const places: SidePlace[] = [];
    for await (const { place } of scanSideOutput(table, [{ shardId, ...all }])) places.push(place);
    expect(calls.query).toBe(32 + 2);
    expect(places.at(-1)?.[1]).toBe(all.toMs);
  });

  it('gives only what arrived in the range', async () => {
    const table = memoryTable(itemStore());
    await writeSideOutput(
      table,
      shardId,
      numbers(10).map((i) => sideEvent(i, t0 + i * 1_000_000)),
    );
    const range = { fromMs: t0 + 2_000_000, toMs: t0 + 5_000_000, limit: 100 };
    expect(positions(await readSideOutput(table, [shardId], range))).toStrictEqual([2, 3, 4]);
    expect(positions(await readSideOutput(table, [shardId], { ...range, limit: 2 }))).toStrictEqual([2, 3]);
  });
});
