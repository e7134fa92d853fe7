import type { Item, Key } from '../../functions/state/table/table.ts';
import type { ItemStore } from '../../functions/testing/item-store.ts';

/** Called for every write that took effect, with the item before and after it. */
export type OnChange = (before: Item | undefined, after: Item) => void;

/** Called for every put that was refused, with the item that stands and the one that was to take its place. */
export type OnRefused = (standing: Item, refused: Item) => void;

/**
 * A store that reports its writes, in the order in which they take effect, and the puts that it refuses. It does not
 * report deletions.
 */
export function observedStore(store: ItemStore, onChange: OnChange, onRefused: OnRefused = () => {}): ItemStore {
  const told = (key: Key, before: Item | undefined) => {
    const after = store.get(key);
    if (after !== undefined) onChange(before, after);
  };
  return {
    ...store,
    put(item, when) {
      const before = store.get(item);
      const outcome = store.put(item, when);
      if (outcome === 'applied') told(item, before);
      else if (before !== undefined) onRefused(before, item);
      return outcome;
    },
    update(key, change, when) {
      const before = store.get(key);
      const outcome = store.update(key, change, when);
      if (outcome.outcome === 'applied') told(key, before);
      return outcome;
    },
  };
}
