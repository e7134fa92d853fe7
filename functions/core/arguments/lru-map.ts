/** A map that knows the order of use, so that the entries used longest ago are forgotten first. */
export interface LruMap<Key, Value> {
  readonly size: number;
  /** The value of a key, which becomes the one used last. */
  get(key: Key): Value | undefined;
  /** The same, without counting as a use. */
  peek(key: Key): Value | undefined;
  /** Keeps a value, which becomes the one used last. */
  set(key: Key, value: Value): void;
  delete(key: Key): void;
  clear(): void;
  /** From the one used longest ago to the one used last. */
  values(): IterableIterator<Value>;
  /** Forgets the entries used longest ago, one after the other, until the rest fits. */
  trim(fits: () => boolean): void;
}

/** @param onForget is told each value that is trimmed, deleted or cleared */
export function lruMap<Key, Value>(onForget: (value: Value) => void = () => undefined): LruMap<Key, Value> {
  // A Map keeps the order in which its keys were set.
  const entries = new Map<Key, Value>();
  const forget = (key: Key) => {
    const value = entries.get(key);
    if (!entries.delete(key)) return;
    // The key had a value; whether that may be undefined is up to its type.
    onForget(value as Value);
  };
  return {
    get size() {
      return entries.size;
    },
    get(key) {
      const value = entries.get(key);
      if (entries.delete(key)) entries.set(key, value as Value);
      return value;
    },
    peek: (key) => entries.get(key),
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
    },
    delete: forget,
    clear() {
      for (const key of [...entries.keys()]) forget(key);
    },
    values: () => entries.values(),
    trim(fits) {
      for (const key of entries.keys()) {
        if (fits()) return;
        forget(key);
      }
    },
  };
}
