import { expect, it } from 'vitest';
import { appendIds, type FirstOccurrence, readIds } from '../../functions/state/log/id-log.ts';
import { itemStore } from '../simulation/item-store.ts';
import { memoryTable } from '../simulation/memory-table.ts';

const shardId = 'shardId-000000000000';
const day = 86_400_000;

async function read(table: ReturnType<typeof memoryTable>, fromMs: number, through: string) {
  const firsts: FirstOccurrence[] = [];
  await readIds(table, shardId, fromMs, through, (first) => firsts.push(first));
  return firsts;
}

/** Steps of every encoded length: of no byte, of one byte and of many. */
const stepsMs = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 40];

it('gives back what was appended, in order, also when a chunk takes many items', async () => {
  const store = itemStore();
  let atMs = 1_700_000_000_000;
  const firsts = Array.from({ length: 100_000 }, (_, i): FirstOccurrence => {
    atMs += i < 64 ? (stepsMs[i % stepsMs.length] ?? 0) : i % 3;
    return { id: { high: (i * 2_654_435_761) >>> 0, low: 0xffffffff - i }, atMs };
  });
  await appendIds(memoryTable(store), shardId, { after: undefined, last: '49', clockMs: atMs, firsts }, day);
  // The store refuses items beyond 400 KB.
  expect([...store.all()].length).toBeGreaterThan(3);
  expect(await read(memoryTable(store), 0, '49')).toEqual(firsts);
});

it('gives no entry of a record beyond the last committed one, nor of a chunk before the horizon', async () => {
  const table = memoryTable();
  const entry = (last: string, atMs: number) => ({
    after: undefined,
    last,
    clockMs: atMs,
    firsts: [{ id: { high: 1, low: Number(last) }, atMs }],
  });
  for (const [last, atMs] of [
    ['9', 1000],
    ['10', 2000],
    ['11', 2000],
    ['100', 3000],
  ] as const)
    await appendIds(table, shardId, entry(last, atMs), day);
  const lows = async (fromMs: number, through: string) => (await read(table, fromMs, through)).map(({ id }) => id.low);
  expect(await lows(0, '10')).toEqual([9, 10]);
  expect(await lows(1001, '11')).toEqual([10, 11]);
  expect(await lows(0, '100')).toEqual([9, 10, 11, 100]);
});

it('reads a log of more items than it takes at a time', async () => {
  const table = memoryTable();
  for (let i = 0; i < 250; i++)
    await appendIds(
      table,
      shardId,
      { after: `${i}`, last: `${i + 1}`, clockMs: i, firsts: [{ id: { high: 0, low: i }, atMs: i }] },
      day,
    );
  expect(new Set((await read(table, 0, '250')).map(({ id }) => id.low)).size).toBe(250);
});

it('expires an item after its horizon and the retention, by the clock of the shard', async () => {
  const store = itemStore();
  await appendIds(
    memoryTable(store),
    shardId,
    { after: '1', last: '2', clockMs: 5000, firsts: [{ id: { high: 0, low: 0 }, atMs: 5000 }] },
    day,
  );
  expect([...store.all()].map(({ attributes }) => attributes['expiresAt'])).toEqual([5 + 86_400]);
});
