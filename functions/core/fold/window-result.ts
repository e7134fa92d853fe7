import type { Json } from '../aggregates/index.ts';
import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import { compareKeys, keyValues } from '../events/group-key.ts';
import type { Row } from '../results/row.ts';
import type { EmittedWindow } from '../windows/window.ts';
import { mergeInto, type PartialAggregate, type Partials, rowOf } from './partial.ts';

/** Merges the partial aggregates of a window's slices. */
export function mergeWindow(
  query: Query,
  slices: readonly { readonly partials: Partials }[],
): ReadonlyMap<KeyText, PartialAggregate> {
  const merged = new Map<KeyText, PartialAggregate>();
  for (const { partials } of slices) mergeInto(query, merged, partials);
  return merged;
}

/**
 * The rows of a window, in the order of their keys. The key of a total lacks the fields that are totalled, because null
 * is a value of its own. A total comes after the rows that it adds up.
 */
export function sortedRows(query: Query, partials: Partials): readonly Row[] {
  return [...groupRows(query, partials), ...totalRows(query, levelsOf(query, partials))].sort((left, right) =>
    compareRows(query.groupBy, left, right),
  );
}

/** The rows of the groups of a window, without its totals, in the order of their keys. */
export function sortedGroups(query: Query, partials: Partials): readonly Row[] {
  return groupRows(query, partials).sort((left, right) => compareRows(query.groupBy, left, right));
}

function groupRows(query: Query, partials: Partials): Row[] {
  return [...partials].map(([key, partial]) => withGrouping(query, rowOf(query, key, partial)));
}

/** The totals of a query's groups, one map for each level of `Query.totals`: a field that is totalled is null in it. */
export type Levels = readonly Partials[];

/**
 * The totals of some groups. They are added up in the order of the keys, not in that of the segments, so that equal
 * groups have equal totals, those of `topK` too.
 */
export function levelsOf(query: Query, partials: Partials): Levels {
  if (query.totals.length === 0) return [];
  const groups = [...partials]
    .sort(([left], [right]) => Number(left > right) - Number(left < right))
    .map(([key, partial]) => [keyValues(key), partial] as const);
  return query.totals.map((kept) => {
    const merged = new Map<KeyText, PartialAggregate>();
    for (const [values, partial] of groups)
      mergeInto(query, merged, [
        [JSON.stringify(values.map((value, i) => (kept.includes(i) ? value : null))), partial],
      ]);
    return merged;
  });
}

/** Adds up the totals of several sets of groups, such as lanes, in their order. */
export function joinLevels(query: Query, all: readonly Levels[]): Levels {
  return query.totals.map((_kept, level) => {
    const merged = new Map<KeyText, PartialAggregate>();
    for (const levels of all) mergeInto(query, merged, levels[level] ?? []);
    return merged;
  });
}

/** The rows of a window's totals, in the order of their keys. */
export function sortedTotals(query: Query, levels: Levels): readonly Row[] {
  return [...totalRows(query, levels)].sort((left, right) => compareRows(query.groupBy, left, right));
}

function totalRows(query: Query, levels: Levels): readonly Row[] {
  return query.totals.flatMap((kept, level) =>
    [...(levels[level] ?? [])].map(([key, partial]) => {
      const row = rowOf(query, key, partial);
      const isKept = ([name]: readonly [string, unknown]) => kept.includes(query.groupBy.indexOf(name));
      return withGrouping(query, { ...row, key: Object.fromEntries(Object.entries(row.key).filter(isKept)) });
    }),
  );
}

/** A row with its {@link Row.grouping}, where the query has totals. */
export function withGrouping({ groupBy, totals }: Pick<Query, 'groupBy' | 'totals'>, row: Row): Row {
  if (totals.length === 0) return row;
  return { ...row, grouping: groupBy.reduce((bits, name) => bits * 2 + Number(!Object.hasOwn(row.key, name)), 0) };
}

/** A row's columns beside one another: its key, its `grouping` where it has one, its values. */
export function flatRow({ key, values, grouping }: Row): Readonly<Record<string, Json>> {
  return { ...key, ...(grouping === undefined ? {} : { grouping }), ...values };
}

/** The columns of a query's rows ({@link flatRow}), in order. */
export function rowColumns({ groupBy, totals, aggregateNames }: Query): readonly string[] {
  return [...groupBy, ...(totals.length === 0 ? [] : ['grouping']), ...aggregateNames];
}

/** Whether a row is of one group, and not a total of several. */
export function isGroupRow({ groupBy }: Pick<Query, 'groupBy'>, { key }: Pick<Row, 'key'>): boolean {
  return groupBy.every((name) => Object.hasOwn(key, name));
}

/** The order of rows by some fields: as {@link compareKeys}, with a missing field after all values. */
export function compareRows(groupBy: readonly string[], left: Pick<Row, 'key'>, right: Pick<Row, 'key'>): number {
  for (const name of groupBy) {
    const [a, b] = [left.key[name], right.key[name]];
    const order =
      a === undefined || b === undefined ? Number(a === undefined) - Number(b === undefined) : compareKeys([a], [b]);
    if (order !== 0) return order;
  }
  return 0;
}

/** A window with the moment at which it closes: its end, or later by the allowed lateness. */
export interface ClosingWindow extends EmittedWindow {
  readonly closing: number;
}

/**
 * All windows that hold one of the slices, by end and start, each once. None for sessions, which do not follow from
 * slices.
 */
export function windowsOf(query: Query, slices: Iterable<number>): readonly ClosingWindow[] {
  const closings = new Set<number>();
  if (query.window.sessions !== undefined) return [];
  for (const slice of slices) for (const closing of query.window.closings(slice)) closings.add(closing);
  return [...closings]
    .sort((left, right) => left - right)
    .flatMap((closing) => query.window.emit(closing).map((window) => ({ ...window, closing })));
}
