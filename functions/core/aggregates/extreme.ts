import { numberIn } from './aggregate.ts';
import { type NumberAggregate, numberAggregate } from './number-input.ts';

/**
 * The smallest number. Null when no record had one.
 * @example
 * min('temperature');
 */
export const min: NumberAggregate<number | null> = extreme('min', (left, right) => (right < left ? right : left));

/**
 * The greatest number. Null when no record had one. {@link argMax} has the value of another field there.
 * @example
 * max('temperature');
 */
export const max: NumberAggregate<number | null> = extreme('max', (left, right) => (right > left ? right : left));

function extreme(kind: string, pick: (left: number, right: number) => number): NumberAggregate<number | null> {
  const merge = (left: number | null, right: number | null) =>
    left === null ? right : right === null ? left : pick(left, right);
  return numberAggregate<number | null, number | null>({
    kind,
    identity: null,
    // Zero has one sign here, or the result would depend on which of 0 and -0 came first.
    add: (state, value) => merge(state, value === 0 ? 0 : value),
    merge,
    encode: (state) => state,
    decode: (json) => (json === null ? null : numberIn(json)),
    result: (state) => state,
    stateOf: (result) => result,
  });
}
