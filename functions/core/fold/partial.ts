import { type Json, none } from '../aggregates/aggregate.ts';
import type { Span } from '../aggregates/span.ts';
import type { Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import { keyValues } from '../events/group-key.ts';
import type { Row } from '../results/row.ts';

/**
 * A partial aggregate: the states of a query's aggregates, in their order, and behind them a session's span. Immutable
 * once it is shared.
 */
export type PartialAggregate = readonly unknown[];

/** Partial aggregates by key. */
export type Partials = ReadonlyMap<KeyText, PartialAggregate>;

export function identityOf({ aggregates, span }: Query): unknown[] {
  const states: unknown[] = aggregates.map((aggregate) => aggregate.identity);
  if (span !== undefined) states.push(span.identity);
  return states;
}

/** The inputs of a query's aggregates from one event: a value each, or {@link none}. */
export type EventInputs = readonly unknown[];

/**
 * The inputs of a query's aggregates. Each aggregate is asked once for an event.
 * @param time of the event, epoch ms
 * @param before the inputs from another event. They are given back where they are the same: a batch holds thousands of
 * these, and a count takes the same from every event.
 * @returns the reason of the first aggregate that refuses the event, if one does
 */
export function inputsOf(
  { aggregates }: Pick<Query, 'aggregates'>,
  event: unknown,
  time: number,
  before?: EventInputs,
): EventInputs | { readonly refused: string } {
  let inputs: unknown[] | undefined;
  for (let i = 0; i < aggregates.length; i++) {
    const input = aggregates[i]?.input(event, time);
    if (input === undefined) continue;
    if (input.kind === 'refused') return { refused: input.reason };
    const value = input.kind === 'none' ? none : input.value;
    if (inputs === undefined) {
      if (before !== undefined && Object.is(before[i], value)) continue;
      // Of its length from the start: an array that grows by pushing has room for 17.
      inputs = new Array<unknown>(aggregates.length);
      for (let same = 0; same < i; same++) inputs[same] = before?.[same];
    }
    inputs[i] = value;
  }
  return inputs ?? before ?? [];
}

/**
 * Adds an event to states that nobody else holds yet, so aggregates may change them in place.
 * @param time of the event, epoch ms
 */
export function addInputs({ aggregates, span }: Query, states: unknown[], inputs: EventInputs, time: number): void {
  for (let i = 0; i < aggregates.length; i++) {
    const aggregate = aggregates[i];
    if (aggregate !== undefined && inputs[i] !== none) states[i] = aggregate.add(states[i], inputs[i]);
  }
  if (span !== undefined) states[aggregates.length] = span.add(states[aggregates.length] as Span, time);
}

export function mergePartial(
  { aggregates, span }: Query,
  left: PartialAggregate,
  right: PartialAggregate,
): PartialAggregate {
  const states = aggregates.map((aggregate, i) => aggregate.merge(left[i], right[i]));
  if (span !== undefined) {
    const at = aggregates.length;
    states.push(span.merge(left[at] as Span, right[at] as Span));
  }
  return states;
}

/** Merges `right` into `left`, which nobody else holds. */
export function mergeInto(
  query: Query,
  left: Map<KeyText, PartialAggregate>,
  right: Iterable<readonly [KeyText, PartialAggregate]>,
): void {
  for (const [key, partial] of right) {
    const held = left.get(key);
    left.set(key, held === undefined ? partial : mergePartial(query, held, partial));
  }
}

/**
 * Partial aggregates as JSON text, one array a key: its group-by values, then a state for each aggregate:
 * `[["Open",179],["Close",173]]`. It is the form of open sessions, of the states behind the rows of a pane, and of a
 * backfill's windows.
 */
export function encodePartials(query: Query, partials: Iterable<readonly [KeyText, PartialAggregate]>): string {
  const rows: string[] = [];
  for (const [key, partial] of partials) {
    const states = query.aggregates.map((aggregate, i) => JSON.stringify(aggregate.encode(partial[i])));
    if (query.span !== undefined) states.push(JSON.stringify(query.span.encode(partial[states.length] as Span)));
    rows.push(key === '[]' ? `[${states.join()}]` : `${key.slice(0, -1)},${states.join()}]`);
  }
  return `[${rows.join()}]`;
}

/** The reverse of {@link encodePartials}, each key once. @throws when the text is not of this query */
export function decodePartials(query: Query, text: string): Map<KeyText, PartialAggregate> {
  return new Map(decodeEach(query, text));
}

/**
 * The reverse of {@link encodePartials}; a key may come several times, as open sessions do.
 * @throws when the text is not of this query
 */
export function decodeEach(query: Query, text: string): readonly (readonly [KeyText, PartialAggregate])[] {
  const { groupBy, aggregates, span } = query;
  const columns = groupBy.length + aggregates.length + (span === undefined ? 0 : 1);
  return (JSON.parse(text) as Json[][]).map((row) => {
    if (row.length !== columns) throw new Error(`query ${query.name}: a row of ${row.length} columns, not ${columns}`);
    const states = aggregates.map((aggregate, i) => aggregate.decode(row[groupBy.length + i] ?? null));
    if (span !== undefined) states.push(span.decode(row[columns - 1] ?? null));
    return [JSON.stringify(row.slice(0, groupBy.length)), states];
  });
}

/** The results of merged partial aggregates. They are rounded here and nowhere before. */
export function rowOf(query: Query, key: KeyText, partial: PartialAggregate): Row {
  const values = keyValues(key);
  return {
    key: Object.fromEntries(query.groupBy.map((name, i) => [name, values[i] ?? null])),
    values: Object.fromEntries(
      query.aggregateNames.map((name, i) => [name, query.aggregates[i]?.result(partial[i]) ?? null]),
    ),
  };
}

/**
 * The reverse of {@link rowOf}, for a query whose results lose nothing (`Aggregate.stateOf`). The span of a session is
 * not in its row. It comes back as that of no record, and is not used any more.
 */
export function partialOfRow({ aggregates, aggregateNames, span }: Query, { values }: Row): PartialAggregate {
  const states = aggregates.map((aggregate, i) => aggregate.stateOf?.(values[aggregateNames[i] ?? ''] ?? null));
  if (span !== undefined) states.push(span.identity);
  return states;
}
