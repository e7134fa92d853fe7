import type { Item } from '../../../functions/state/table/table.ts';
import { type ItemStore, itemBytes } from '../../../functions/testing/item-store.ts';

/** Measurements of the items and answers of a store. */
export interface Measures {
  /** The largest item that was ever written, in bytes, by kind: the partition key up to its first `#`. */
  readonly largest: Record<string, number>;
  /** The longest answer to a query, in items and in bytes, by kind. */
  readonly longest: Record<string, { items: number; bytes: number }>;
}

export function createMeasures(): Measures {
  return { largest: {}, longest: {} };
}

/** @param kindOf the kind of an item, for the figures */
export function measuredStore(store: ItemStore, measures: Measures, kindOf: (pk: string) => string): ItemStore {
  const measure = (item: Item | undefined) => {
    if (item === undefined) return;
    const kind = kindOf(item.pk);
    measures.largest[kind] = Math.max(measures.largest[kind] ?? 0, itemBytes(item));
  };
  return {
    ...store,
    query(pk, range) {
      const items = store.query(pk, range);
      const kind = kindOf(pk);
      const longest = measures.longest[kind] ?? { items: 0, bytes: 0 };
      measures.longest[kind] = longest;
      if (items.length > longest.items) {
        longest.items = items.length;
        longest.bytes = items.reduce((total, item) => total + itemBytes(item), 0);
      }
      return items;
    },
    put(item, when) {
      const outcome = store.put(item, when);
      if (outcome === 'applied') measure(store.get(item));
      return outcome;
    },
    update(key, change, when) {
      const outcome = store.update(key, change, when);
      if (outcome.outcome === 'applied') measure(outcome.item);
      return outcome;
    },
  };
}
