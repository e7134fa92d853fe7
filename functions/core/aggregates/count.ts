import { TidemarkError, valueText } from '../arguments/error.ts';
import { reading } from '../arguments/field-given-by.ts';
import { type AnyAggregate, numberIn, opaque } from './aggregate.ts';

const counted = { kind: 'value', value: 1 } as const;

/** The states of the aggregates that count records. */
export const counting = {
  identity: 0,
  add: (state: number) => state + 1,
  merge: (left: number, right: number) => left + right,
  encode: (state: number) => state,
  decode: numberIn,
  result: (state: number) => state,
  stateOf: (result: number) => result,
} as const;

/**
 * The number of records. An argument is refused: SQL's `count(x)` skips nulls, and this would not.
 * @example
 * count();
 * @throws TidemarkError when it is given an argument: {@link countIf} counts the records that have a value
 */
export function count(...given: readonly never[]): AnyAggregate<unknown, number> {
  if (given.length > 0)
    throw new TidemarkError(
      `count(${valueText(given[0])}): count takes no argument, it counts records: write count(), or countIf((event) => event.${typeof given[0] === 'string' ? given[0] : 'field'} != null) for those that have a value`,
    );
  return opaque<unknown, 1, number, number>({ ...counting, kind: 'count', input: reading(() => counted, []) });
}
