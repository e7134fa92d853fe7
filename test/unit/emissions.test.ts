import { describe, expect, it } from 'vitest';
import {
  closedPart,
  deleteEmissions,
  type Emission,
  placeOfEpoch,
  putEmissions,
  readPieces,
  seekStart,
} from '../../functions/state/epochs/emissions.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const query = 'perMinute';
const windows = (first: number, count: number, status: Emission['status'] = 'final'): readonly Emission[] =>
  Array.from({ length: count }, (_, i) => ({ start: first + i, end: first + i + 1, status }));
const put = { part: closedPart, attempt: 'one', expiresAt: 100 };
const epoch = (number: number, closedThrough = number * 10) => ({ epoch: number, closedThrough });

async function readAll(state: Table, from = placeOfEpoch(1), through = 99) {
  const pieces = [];
  for await (const piece of readPieces(state, query, from, through)) pieces.push(piece);
  return pieces;
}

describe('the index of emissions', () => {
  it('gives the epochs in order, and of an epoch what it closed before what commands brought', async () => {
    const state = memoryTable();
    await putEmissions(state, query, epoch(10), windows(100, 2), put);
    await putEmissions(state, query, epoch(9), windows(5, 1, 'corrected'), { ...put, part: '1#a' });
    await putEmissions(state, query, epoch(9), windows(90, 2), put);
    await putEmissions(state, query, epoch(11), [], put);
    const pieces = await readAll(state);
    expect(pieces.map(({ emissions }) => emissions)).toEqual([
      windows(90, 2),
      windows(5, 1, 'corrected'),
      windows(100, 2),
    ]);
    for (const [i, { place }] of pieces.entries()) expect(await readAll(state, place)).toEqual(pieces.slice(i));
    expect(await readAll(state, placeOfEpoch(1), 9)).toEqual(pieces.slice(0, 2));
    expect(await readAll(state, placeOfEpoch(11))).toEqual([]);
  });

  it('keeps what the first run of an epoch has put', async () => {
    const state = memoryTable();
    await putEmissions(state, query, epoch(1), windows(0, 10_000), put);
    await putEmissions(state, query, epoch(1), windows(0, 10_000), { ...put, attempt: 'other', expiresAt: 200 });
    expect((await readAll(state)).flatMap(({ emissions }) => emissions)).toEqual(windows(0, 10_000));
  });

  it('has parts that fit items, goes on amid them, and misses none that is gone', async () => {
    const state = memoryTable();
    await putEmissions(state, query, epoch(1), windows(1_700_000_000_000, 30_000), put);
    const pieces = await readAll(state);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.flatMap(({ emissions }) => emissions)).toEqual(windows(1_700_000_000_000, 30_000));
    const [, second] = pieces;
    expect(await readAll(state, second?.place)).toEqual(pieces.slice(1));
    const [part] = await state.query(`emissions#${query}#${placeOfEpoch(1)}#${closedPart}#one`, { limit: 1 });
    if (part === undefined) throw new Error('no part');
    await state.delete(part);
    await expect(readAll(state)).rejects.toThrow('is missing');
  });

  it('is sought by the time of a window: no epoch before may have closed one that starts then', async () => {
    const state = memoryTable();
    // C stays where it is for some epochs; other epochs have emitted nothing.
    const closed = new Map([2, 3, 7, 8, 20, 21, 40].map((number) => [number, Math.floor(number / 2) * 10]));
    for (const [number, closedThrough] of closed)
      await putEmissions(state, query, epoch(number, closedThrough), windows(0, 1), { ...put, expiresAt: number });
    for (let from = -5; from < 220; from += 5) {
      const sought = await seekStart(state, query, from, 40);
      const before = [...closed].filter(([, closedThrough]) => closedThrough < from).map(([number]) => number);
      const first = [...closed].find(([, closedThrough]) => closedThrough >= from)?.[0];
      expect(sought.expiryBefore, `from ${from}`).toBe(before.at(-1));
      expect(sought.epoch).toBeGreaterThan(before.at(-1) ?? 0);
      expect(sought.epoch).toBeLessThanOrEqual(first ?? 41);
    }
  });

  it('is deleted with its query', async () => {
    const state = memoryTable();
    for (let number = 1; number <= 450; number++) await putEmissions(state, query, epoch(number), windows(0, 1), put);
    await putEmissions(state, 'another', epoch(1), windows(0, 1), put);
    await deleteEmissions(state, query);
    expect(await readAll(state, placeOfEpoch(1), 999)).toEqual([]);
    expect(await state.query('emissions#another')).toHaveLength(1);
  });
});
