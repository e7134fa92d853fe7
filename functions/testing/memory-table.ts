import type { Table } from '../state/table/table.ts';
import { type ItemStore, itemStore } from './item-store.ts';

/**
 * A table in memory whose calls take effect at once, without faults or latency. The simulator's tables add both in
 * front of the same store.
 */
export function memoryTable(store: ItemStore = itemStore()): Table {
  return {
    get: async (key) => store.get(key),
    query: async (pk, range) => store.query(pk, range),
    put: async (item, when) => store.put(item, when),
    putAll: async (items) => {
      for (const item of items) store.put(item);
    },
    update: async (key, change, when) => store.update(key, change, when),
    delete: async (key, when) => store.delete(key, when),
  };
}
