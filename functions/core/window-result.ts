import type { KeyText } from './group-key.ts';
import { compareKeys, keyValues } from './group-key.ts';
import { mergeInto, type Partial, type Partials, type Row, rowOf } from './partial.ts';
import type { Query } from './pipeline.ts';
import type { EmittedWindow } from './window.ts';

/** Merges the partial aggregates of a window's slices. */
export function mergeWindow(query: Query, slices: readonly { readonly partials: Partials }[]): ReadonlyMap<KeyText, Partial> {
  const merged = new Map<KeyText, Partial>();
  for (const { partials } of slices) mergeInto(query, merged, partials);
  return merged;
}

/** The rows of a window, in the order of their keys. */
export function sortedRows(query: Query, partials: Partials): readonly Row[] {
  return [...partials]
    .map(([key, partial]) => ({ values: keyValues(key), row: rowOf(query, key, partial) }))
    .sort((left, right) => compareKeys(left.values, right.values))
    .map(({ row }) => row);
}

/** A window with the moment at which it closes: its end, or later by the allowed lateness. */
export interface ClosingWindow extends EmittedWindow {
  readonly closing: number;
}

/** All windows that hold one of the slices, by end and start, each once. */
export function windowsOf(query: Query, slices: Iterable<number>): readonly ClosingWindow[] {
  const closings = new Set<number>();
  for (const slice of slices) for (const closing of query.window.closings(slice)) closings.add(closing);
  return [...closings].sort((left, right) => left - right).flatMap((closing) => query.window.emit(closing).map((window) => ({ ...window, closing })));
}
