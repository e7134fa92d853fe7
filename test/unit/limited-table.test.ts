import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

/** A table that notes the number of its calls under way. */
function observed() {
  const table = memoryTable(itemStore());
  const most = { atATime: 0 };
  let underWay = 0;
  const noted = async <T>(call: () => Promise<T>): Promise<T> => {
    most.atATime = Math.max(most.atATime, ++underWay);
    try {
      await new Promise(setImmediate);
      return await call();
    } finally {
      underWay--;
    }
  };
  const watched = limitedTable(table, noted);
  return { table: watched, most };
}

const calls: Readonly<Record<keyof Table, (table: Table, i: number) => Promise<unknown>>> = {
  get: (table, i) => table.get({ pk: 'a', sk: `${i}` }),
  query: (table) => table.query('a'),
  put: (table, i) => table.put({ pk: 'a', sk: `${i}`, attributes: {} }),
  putAll: (table, i) => table.putAll([{ pk: 'a', sk: `${i}`, attributes: {} }]),
  update: (table, i) => table.update({ pk: 'a', sk: `${i}` }, { set: { n: i } }),
  delete: (table, i) => table.delete({ pk: 'a', sk: `${i}` }),
};

describe('a limited table', () => {
  it.each(Object.entries(calls))('has no more calls of %s under way than its limit', async (_name, call) => {
    const { table, most } = observed();
    const limited = limitedTable(table, pLimit(3));
    await Promise.all(Array.from({ length: 20 }, (_, i) => call(limited, i)));
    expect(most.atATime).toBe(3);
  });

  it('answers as the table does, errors too', async () => {
    const { table } = observed();
    const limited = limitedTable(table, pLimit(1));
    expect(await limited.put({ pk: 'a', sk: 'b', attributes: { n: 1 } })).toBe('applied');
    expect(await limited.get({ pk: 'a', sk: 'b' })).toMatchObject({ attributes: { n: 1 } });
    const failing = limitedTable({ ...table, get: () => Promise.reject(new Error('planted')) }, pLimit(1));
    await expect(failing.get({ pk: 'a', sk: 'b' })).rejects.toThrow('planted');
    expect(await failing.query('a')).toHaveLength(1);
  });
});
