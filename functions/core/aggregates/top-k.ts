import { reading } from '../arguments/field-given-by.ts';
import { optionsOf, wholeNumber } from '../numbers/whole-number.ts';
import {
  type AggregateInput,
  type AggregateOf,
  type AnyAggregate,
  corrupt,
  countIn,
  type Json,
  listIn,
  opaque,
} from './aggregate.ts';
import { addItem, cut, type FrequentItems, itemBytes, mergeItems, noItems, ordered } from './misra-gries.ts';
import { type Field, selector } from './number-input.ts';
import { distinctInput, isScalar, type Scalar, type ScalarOf, shownText } from './scalar.ts';

/** Options of {@link topK}. */
export interface TopKOptions {
  /**
   * The number of values that are counted beside one another, from k to 2,000. A count is too low by at most all
   * records / (capacity + 1).
   * @default 10 k, at least 100
   */
  readonly capacity?: number;
}

/** The result of {@link topK}. Each count is too low by at most `error`, which is above 0 where `overflow` is true. */
export type TopKResult = {
  /** How much too low each count is at most; 0 while the result is exact. */
  readonly error: number;
  /** By count, the greatest first. */
  readonly items: readonly { readonly count: number; readonly value: Scalar }[];
  /** Whether more than `capacity` different values came. */
  readonly overflow: boolean;
};

/**
 * The k most frequent values with their counts: `{"error":0,"items":[{"count":12,"value":"a"},...],"overflow":false}`.
 * They are in the order of their counts, the greatest first.
 * Exact while at most `capacity` different values came. Beyond, `overflow` is true, and each count is too low by at
 * most `error`. Text of more than 200 characters is shortened.
 * @example
 * topK('page', 10);
 * topK('page', 10, { capacity: 1000 });
 * @param k from 1 to 200
 */
export function topK<const Name extends string>(
  field: Name,
  k: number,
  options?: TopKOptions,
): AnyAggregate<Field<Name, Scalar>, TopKResult>;
export function topK<Event>(select: ScalarOf<Event>, k: number, options?: TopKOptions): AggregateOf<Event, TopKResult>;
export function topK<Event>(
  of: string | ScalarOf<Event>,
  k: number,
  options?: TopKOptions,
): AggregateOf<Event, TopKResult> {
  const kind = 'topK';
  const most = wholeNumber(`${kind}.k`, k, 1, 200);
  const capacity = wholeNumber(
    `${kind}.capacity`,
    optionsOf(kind, options, ['capacity']).capacity ?? Math.max(10 * most, 100),
    most,
    2000,
  );
  const { select, named, reads } = selector(kind, of);
  return opaque<Event, string, FrequentItems, TopKResult>({
    ...named,
    kind,
    parameters: `k ${most}, capacity ${capacity}`,
    mostBytes: itemBytes + 20 * capacity,
    input: reading(
      (event: Event): AggregateInput<string> => {
        const found = distinctInput(kind, select(event));
        return found.kind === 'value' ? { kind: 'value', value: shownText(found.value) } : found;
      },
      [reads],
    ),
    identity: noItems,
    add: (state, text) => addItem(state, capacity, text),
    merge: (left, right) => mergeItems(left, right, capacity),
    encode: (state) => {
      const { counts, error } = cut(state, capacity);
      return [error, ...ordered(counts).flatMap(([text, count]) => [JSON.parse(text) as Json, count])];
    },
    decode: (json) => itemsIn(json, capacity),
    result: (state) => {
      const { counts, error } = cut(state, capacity);
      const items = ordered(counts)
        .slice(0, most)
        .map(([text, count]) => ({ count, value: JSON.parse(text) as Scalar }));
      return { error, items, overflow: error > 0 };
    },
  });
}

function itemsIn(json: Json, capacity: number): FrequentItems {
  const [error, ...held] = listIn(json);
  const counts = new Map<string, number>();
  for (let i = 0; i < held.length; i += 2) {
    const value = held[i];
    if (!isScalar(value)) throw corrupt(json);
    counts.set(JSON.stringify(value), countIn(held[i + 1]));
  }
  if (counts.size * 2 !== held.length || counts.size > capacity) throw corrupt(json);
  return error === 0 && counts.size === 0 ? noItems : { counts, error: countIn(error) };
}
