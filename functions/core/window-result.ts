import type { KeyText } from './group-key.ts';
import { compareKeys, keyValues } from './group-key.ts';
import { mergeInto, type Partial, type Partials, type Row, rowOf } from './partial.ts';
import type { Query } from './pipeline.ts';
import type { EmittedWindow } from './window.ts';

/** Merges the partial aggregates of a window: of all its slices, and of all buckets and shards of each. */
export function mergeWindow(query: Query, window: EmittedWindow, partialsOf: (slice: number) => Iterable<Partials>): ReadonlyMap<KeyText, Partial> {
  const merged = new Map<KeyText, Partial>();
  for (const slice of window.slices) for (const partials of partialsOf(slice)) mergeInto(query, merged, partials);
  return merged;
}

/** The rows of a window, in the order of their keys. */
export function sortedRows(query: Query, partials: Partials): readonly Row[] {
  return [...partials]
    .map(([key, partial]) => ({ values: keyValues(key), row: rowOf(query, key, partial) }))
    .sort((left, right) => compareKeys(left.values, right.values))
    .map(({ row }) => row);
}

/** All windows that hold one of the slices, by end and start, each once. */
export function windowsOf(query: Query, slices: Iterable<number>): readonly EmittedWindow[] {
  const closings = new Set<number>();
  for (const slice of slices) for (const closing of query.window.closings(slice)) closings.add(closing);
  return [...closings].sort((left, right) => left - right).flatMap((closing) => query.window.emit(closing));
}
