import { compareKeys, keyValues } from '../events/group-key.ts';
import { utf8Bytes } from './scalar.ts';

/**
 * Frequent items (Misra, Gries, "Finding repeated elements", 1982), with the merge of Agarwal et al. ("Mergeable
 * summaries", PODS 2012): counters of the most frequent values. When there are too many, the count of the first that
 * does not fit is taken from all. A counter is never too high. It is too low by at most `error`, which is at most the
 * number of all records divided by the capacity + 1. While nothing had to be cut, counters are exact and the error is
 * 0.
 *
 * Merging is commutative to the byte. It is associative to the byte while the summary is exact, and within the error
 * beyond: another order of merging gives other counters that are as right. Where the same bytes are needed whoever
 * merges, the order of merging has to be fixed (docs/GUARANTEES.md, I2). No summary of bounded size that names the
 * frequent values can be a function of the records alone.
 */
export interface FrequentItems {
  /** Counts by JSON text of the value. */
  readonly counts: ReadonlyMap<string, number>;
  /** Most that a count may be too low by. It is also the most that a value without a count can have. */
  readonly error: number;
}

/** The summary of nothing. */
export const noItems: FrequentItems = { counts: new Map(), error: 0 };

/** Most bytes of the values of a summary. */
export const itemBytes = 16 * 1024;

interface OwnItems {
  readonly counts: Map<string, number>;
  readonly error: number;
}

/**
 * Adds a value, in place unless that is the empty summary.
 * @returns the summary, of at most twice the capacity until {@link cut}
 */
export function addItem(items: FrequentItems, capacity: number, text: string): FrequentItems {
  const own: OwnItems = items === noItems ? { counts: new Map(), error: 0 } : (items as OwnItems);
  own.counts.set(text, (own.counts.get(text) ?? 0) + 1);
  return own.counts.size > 2 * capacity + 16 ? cut(own, capacity) : own;
}

/** The summary of both; neither is changed. */
export function mergeItems(left: FrequentItems, right: FrequentItems, capacity: number): FrequentItems {
  const counts = new Map(left.counts);
  for (const [text, count] of right.counts) counts.set(text, (counts.get(text) ?? 0) + count);
  return cut({ counts, error: left.error + right.error }, capacity);
}

/**
 * The counters in the order of their counts, the greatest first. Equal counts are in the order of their values, as in
 * keys and in `collectSet`: booleans, numbers by value, text by code unit.
 */
export function ordered(counts: FrequentItems['counts']): readonly (readonly [text: string, count: number])[] {
  return [...counts]
    .map(([text, count]) => ({ text, count, value: keyValues(`[${text}]`) }))
    .sort((left, right) => right.count - left.count || compareKeys(left.value, right.value))
    .map(({ text, count }) => [text, count] as const);
}

/** Cuts a summary down to its capacity, in values and in bytes. */
export function cut(items: FrequentItems, capacity: number): FrequentItems {
  const { counts, error } = items;
  let bytes = 0;
  for (const text of counts.keys()) bytes += utf8Bytes(text);
  if (counts.size <= capacity && bytes <= itemBytes) return items;
  const all = ordered(counts);
  let [fitting, size] = [0, 0];
  for (; fitting < Math.min(all.length, capacity); fitting++) {
    size += utf8Bytes(all[fitting]?.[0] ?? '');
    if (size > itemBytes) break;
  }
  const taken = all[fitting]?.[1] ?? 0;
  const kept = all
    .slice(0, fitting)
    .flatMap(([text, count]) => (count > taken ? [[text, count - taken] as const] : []));
  return { counts: new Map(kept), error: error + taken };
}
