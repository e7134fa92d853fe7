import { argumentError } from '../arguments/error.ts';
import type { Query } from '../definition/pipeline.ts';
import { compareKeys, type GroupValue, type KeyText, keyValues } from '../events/group-key.ts';
import type { Row } from '../results/row.ts';
import type { Window } from '../windows/window.ts';
import { mergeInto, type PartialAggregate, type Partials } from './partial.ts';

/** A window with its content. It holds states instead of results, because a mean of means is not a mean. */
export interface MergedWindow extends Window {
  readonly partials: Partials;
}

/** A query's aggregates over several windows, by some of its group-by fields. */
export interface TotalRow extends Row {
  readonly query: string;
  /** The least start and the greatest end of the windows that were added up, epoch ms. */
  readonly from: number;
  readonly to: number;
}

/**
 * The fields of a `--totals` or `by=` text, `action` or `net,kind`; the empty text is the grand total.
 * @throws TidemarkError when a field is named twice or is not a group-by field of any of the queries
 */
export function totalsFields(field: string, text: string, queries: readonly Query[]): readonly string[] {
  const by = text.trim() === '' ? [] : text.split(',').map((name) => name.trim());
  const known = [...new Set(queries.flatMap((query) => query.groupBy))];
  for (const [i, name] of by.entries()) {
    if (!known.includes(name))
      throw argumentError(
        field,
        name,
        `is not a group-by field: ${known.length === 0 ? 'there is none, so only the grand total' : `use ${known.join(', ')}`}`,
      );
    if (by.indexOf(name) !== i) throw argumentError(field, text, 'names a field twice: name each once');
  }
  if (!queries.some((query) => hasFields(query, by)))
    throw argumentError(field, text, 'are not group-by fields of one query: name fields that a query has together');
  return by;
}

/** Whether a query can be totalled by these fields. */
export function hasFields(query: Query, by: readonly string[]): boolean {
  return by.every((name) => query.groupBy.includes(name));
}

/**
 * The totals over windows, in the order of the keys. They are exact, because the windows' states are merged and rounded
 * once. A record that overlapping windows hold is added once for each of them. Without windows there are no rows.
 * @param by fields of the query ({@link hasFields}), in the order wanted
 */
export function totalsOf(query: Query, windows: Iterable<MergedWindow>, by: readonly string[]): readonly TotalRow[] {
  const shortened = keyShortener(by.map((name) => query.groupBy.indexOf(name)));
  const merged = new Map<KeyText, PartialAggregate>();
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { start, end, partials } of windows) {
    from = Math.min(from, start);
    to = Math.max(to, end);
    mergeInto(
      query,
      merged,
      Array.from(partials, ([key, partial]) => [shortened(key), partial] as const),
    );
  }
  return [...merged]
    .map(([key, partial]) => ({ key: keyValues(key), partial }))
    .sort((left, right) => compareKeys(left.key, right.key))
    .map(({ key, partial }) => totalRow(query, by, key, partial, { start: from, end: to }));
}

/** A function that shortens keys to some fields. Windows have the same keys over and over: each is read once. */
function keyShortener(positions: readonly number[]): (key: KeyText) => KeyText {
  const known = new Map<KeyText, KeyText>();
  return (key) => {
    const short = known.get(key);
    if (short !== undefined) return short;
    const values = keyValues(key);
    const fresh = JSON.stringify(positions.map((position) => values[position] ?? null));
    known.set(key, fresh);
    return fresh;
  };
}

function totalRow(
  query: Query,
  by: readonly string[],
  key: readonly GroupValue[],
  partial: PartialAggregate,
  { start, end }: Window,
): TotalRow {
  return {
    query: query.name,
    from: start,
    to: end,
    key: Object.fromEntries(by.map((name, i) => [name, key[i] ?? null])),
    values: Object.fromEntries(
      query.aggregateNames.map((name, i) => [name, query.aggregates[i]?.result(partial[i]) ?? null]),
    ),
  };
}
