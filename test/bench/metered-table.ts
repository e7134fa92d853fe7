import { itemBytes } from '../../functions/state/table/item-bytes.ts';
import { writeUnitBytes, writeUnitsOf } from '../../functions/state/table/packed-text.ts';
import type { Item, Table } from '../../functions/state/table/table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

/** What calls on a table have cost, in DynamoDB's units. */
export interface Spent {
  writeUnits: number;
  readUnits: number;
  /** Conditional writes that were refused; each is counted as one write unit, as the least that it costs. */
  refusedWrites: number;
  /** Write units by the kind of the item: the first word of its partition key. */
  readonly byKind: Map<string, number>;
  /** Read units by the kind of what was asked for. */
  readonly readsByKind: Map<string, number>;
}

/** Nothing so far. */
export const nothingSpent = (): Spent => ({
  writeUnits: 0,
  readUnits: 0,
  refusedWrites: 0,
  byKind: new Map(),
  readsByKind: new Map(),
});

/** Bytes of a strongly consistent read unit. */
const readUnitBytes = 4 * writeUnitBytes;

/**
 * A table in memory that reckons what its calls cost in DynamoDB, by the sizes of items (developer guide, "capacity
 * unit consumption"): what is written is rounded up to a kilobyte, an update counts as the larger of the item before
 * and after it, a read is rounded up to 4 KB and takes a unit where it finds nothing.
 */
export function meteredTable(spent: Spent, table: Table = memoryTable()): Table {
  const add = (kinds: Map<string, number>, pk: string, units: number) => {
    const kind = pk.split('#')[0] ?? pk;
    kinds.set(kind, (kinds.get(kind) ?? 0) + units);
  };
  const write = (pk: string, bytes: number) => {
    const units = writeUnitsOf(bytes);
    spent.writeUnits += units;
    add(spent.byKind, pk, units);
  };
  const refuse = (pk: string) => {
    spent.refusedWrites++;
    write(pk, 0);
  };
  const read = (pk: string, items: readonly (Item | undefined)[]) => {
    const bytes = items.reduce((total, item) => total + (item === undefined ? 0 : itemBytes(item)), 0);
    const units = Math.max(1, Math.ceil(bytes / readUnitBytes));
    spent.readUnits += units;
    add(spent.readsByKind, pk, units);
  };
  return {
    async get(key) {
      const item = await table.get(key);
      read(key.pk, [item]);
      return item;
    },
    // What is projected away costs as much as the rest.
    async query(pk, { only: _, ...range } = {}) {
      const items = await table.query(pk, range);
      read(pk, items);
      return items;
    },
    async put(item, when) {
      const before = await table.get(item);
      const outcome = await table.put(item, when);
      if (outcome === 'refused') refuse(item.pk);
      else write(item.pk, Math.max(itemBytes(item), before === undefined ? 0 : itemBytes(before)));
      return outcome;
    },
    async putAll(items) {
      for (const item of items) write(item.pk, itemBytes(item));
      await table.putAll(items);
    },
    async update(key, change, when) {
      const before = await table.get(key);
      const answer = await table.update(key, change, when);
      if (answer.outcome === 'refused') refuse(key.pk);
      else write(key.pk, Math.max(itemBytes(answer.item), before === undefined ? 0 : itemBytes(before)));
      return answer;
    },
    async delete(key, when) {
      const before = await table.get(key);
      const outcome = await table.delete(key, when);
      if (outcome === 'refused') refuse(key.pk);
      else write(key.pk, before === undefined ? 0 : itemBytes(before));
      return outcome;
    },
  };
}
