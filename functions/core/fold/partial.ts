import type { Json } from '../aggregates/index.ts';
import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import { keyValues } from '../events/group-key.ts';
import type { Row } from '../results/row.ts';

/** A partial aggregate: the states of a query's aggregates, in their order. Immutable once it is shared. */
export type Partial = readonly unknown[];

/** Partial aggregates by key. */
export type Partials = ReadonlyMap<KeyText, Partial>;

export function identityOf(query: Query): unknown[] {
  return query.aggregates.map((aggregate) => aggregate.identity);
}

/**
 * Adds an event to states that nobody else holds yet: aggregates may change them in place.
 * @param time of the event, epoch ms
 */
export function addEvent(query: Query, states: unknown[], event: unknown, time: number): void {
  const { aggregates } = query;
  for (let i = 0; i < aggregates.length; i++) {
    const aggregate = aggregates[i];
    const input = aggregate?.input(event, time);
    if (aggregate !== undefined && input?.kind === 'value') states[i] = aggregate.add(states[i], input.value);
  }
}

export function mergePartial(query: Query, left: Partial, right: Partial): Partial {
  return query.aggregates.map((aggregate, i) => aggregate.merge(left[i], right[i]));
}

/** Merges `right` into `left`, which nobody else holds. */
export function mergeInto(
  query: Query,
  left: Map<KeyText, Partial>,
  right: Iterable<readonly [KeyText, Partial]>,
): void {
  for (const [key, partial] of right) {
    const held = left.get(key);
    left.set(key, held === undefined ? partial : mergePartial(query, held, partial));
  }
}

/**
 * Partial aggregates as JSON text, one array a key: its group-by values, then a state for each aggregate:
 * `[["Open",179],["Close",173]]`. The form of pages, so that they can be read in the console.
 */
export function encodePartials(query: Query, partials: Iterable<readonly [KeyText, Partial]>): string {
  const rows: string[] = [];
  for (const [key, partial] of partials) {
    const states = query.aggregates.map((aggregate, i) => JSON.stringify(aggregate.encode(partial[i])));
    rows.push(key === '[]' ? `[${states.join()}]` : `${key.slice(0, -1)},${states.join()}]`);
  }
  return `[${rows.join()}]`;
}

/** The reverse of {@link encodePartials}, each key once. @throws when the text is not of this query */
export function decodePartials(query: Query, text: string): Map<KeyText, Partial> {
  return new Map(decodeEach(query, text));
}

/**
 * The reverse of {@link encodePartials}; a key may come several times, as open sessions do.
 * @throws when the text is not of this query
 */
export function decodeEach(query: Query, text: string): readonly (readonly [KeyText, Partial])[] {
  const columns = query.groupBy.length + query.aggregates.length;
  return (JSON.parse(text) as Json[][]).map((row) => {
    if (row.length !== columns) throw new Error(`query ${query.name}: a row of ${row.length} columns, not ${columns}`);
    const states = query.aggregates.map((aggregate, i) => aggregate.decode(row[query.groupBy.length + i] ?? null));
    return [JSON.stringify(row.slice(0, query.groupBy.length)), states];
  });
}

/** The results of merged partial aggregates, rounded here and nowhere before. */
export function rowOf(query: Query, key: KeyText, partial: Partial): Row {
  const values = keyValues(key);
  return {
    key: Object.fromEntries(query.groupBy.map((name, i) => [name, values[i] ?? null])),
    values: Object.fromEntries(
      query.aggregateNames.map((name, i) => [name, query.aggregates[i]?.result(partial[i]) ?? null]),
    ),
  };
}
