import { expect, it } from 'vitest';
import { itemBytes } from '../../functions/state/table/item-bytes.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { readPane, readPaneHead, readPaneRows, readPanes } from '../../functions/state/windows/pane-reader.ts';
import { writeOnlyPaneAt } from '../../functions/state/windows/pane-writer.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { hour, laneQueries, partialsOfKeys } from '../fixtures/panes/laned-pane.ts';

const n = 200_000;

/** A table that counts the items and bytes that queries and gets give. */
function counted(table: Table): { readonly table: Table; readonly spent: { items: number; bytes: number } } {
  const spent = { items: 0, bytes: 0 };
  const noted = <T extends Parameters<typeof itemBytes>[0]>(item: T): T => {
    spent.items++;
    spent.bytes += itemBytes(item);
    return item;
  };
  const get: Table['get'] = async (key) => {
    const item = await table.get(key);
    return item === undefined ? undefined : noted(item);
  };
  return { table: { ...table, get, query: async (...call) => (await table.query(...call)).map(noted) }, spent };
}

it(`a window of ${n} keys is in lanes, its manifest small, a page some parts, a key one part`, async () => {
  const store = itemStore();
  const query = laneQueries.find(({ name }) => name === 'plain');
  if (query === undefined) throw new Error('no query');
  const keys = Array.from({ length: n }, (_, i) => [`user-${(i * 7919) % n}`, 1] as const);
  const partials = partialsOfKeys(query, keys);
  const draft = { status: 'final', epoch: 1, partials, records: n, nowMs: 5 } as const;
  expect(await writeOnlyPaneAt(memoryTable(store), query, hour, draft)).toMatchObject({ records: n });

  const head = await readPaneHead(memoryTable(store), query, hour);
  const lanes = head?.lanes ?? 0;
  expect(lanes).toBeGreaterThanOrEqual(4);
  const byPartition = new Map<string, number>();
  for (const item of store.all()) {
    const bytes = itemBytes(item);
    expect(bytes).toBeLessThan(80 * 1024);
    if (!item.pk.endsWith('#parts')) expect(bytes).toBeLessThan(2 * 1024);
    byPartition.set(item.pk, (byPartition.get(item.pk) ?? 0) + bytes);
  }
  // The manifest's partition, and a partition a lane of some 4 MB at most, about alike.
  expect(byPartition.size).toBe(lanes + 1);
  for (const bytes of byPartition.values()) expect(bytes).toBeLessThan(4.5 * 1024 * 1024);

  const ofPage = counted(memoryTable(store));
  const page = await readPaneRows(ofPage.table, query, hour, { limit: 50 });
  expect(page?.rows).toHaveLength(50);
  expect(ofPage.spent.items).toBe(lanes + 1);
  expect(ofPage.spent.bytes).toBeLessThan(1.1 * 1024 * 1024);

  const ofKey = counted(memoryTable(store));
  const range = { from: 0, to: 1, order: 'ascending', key: { a: 'user-77777', b: 1 } } as const;
  expect((await readPanes(ofKey.table, query, range))[0]?.rows.map(({ values }) => values['n'])).toEqual([1]);
  expect(ofKey.spent.items).toBe(2);
  expect(ofKey.spent.bytes).toBeLessThan(70 * 1024);

  const whole = await readPane(memoryTable(store), query, hour);
  const names = whole?.rows.map(({ key }) => String(key['a'])) ?? [];
  expect(names).toEqual(keys.map(([name]) => name).sort());
  let at = 0;
  for (let after = page?.rows.at(-1)?.key; ; ) {
    const some = await readPaneRows(memoryTable(store), query, hour, { after, limit: 20_000 });
    if (some === undefined) throw new Error('no pane');
    expect(some.rows.map(({ key }) => key['a'])).toEqual(names.slice(50 + at, 50 + at + 20_000));
    at += some.rows.length;
    after = some.rows.at(-1)?.key;
    if (some.isLast) break;
  }
  expect(at).toBe(n - 50);
});
