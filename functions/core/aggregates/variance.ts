import { argumentError } from '../arguments/error.ts';
import { decodeSum, encodeSum, fractionOf, ratio, rootOfRatio } from '../numbers/exact-sum.ts';
import {
  addRunning,
  addSquareTerm,
  addTerm,
  type RunningSum,
  settledAt,
  settledSum,
  zeroRunning,
} from '../numbers/running-sum.ts';
import { type AggregateOf, type AnyAggregate, corrupt, countIn, type Json, listIn } from './aggregate.ts';
import { type Field, type NumberOf, ofNumbers } from './number-input.ts';
import { shownNumber } from './sum.ts';

/** Whether the records are the whole population or a sample of it. The variance of a sample is divided by one less. */
export type Spread = 'sample' | 'population';

/** `variance` and `stddev`, as they are called. */
export interface SpreadAggregate {
  <const Name extends string>(field: Name, spread?: Spread): AnyAggregate<Field<Name, number>, number | string | null>;
  <Event>(select: NumberOf<Event>, spread?: Spread): AggregateOf<Event, number | string | null>;
}

/**
 * Exact sums of the numbers and of their squares. So nothing cancels, whatever the mean, and the order does not matter.
 */
interface Moments {
  readonly sum: RunningSum;
  readonly squares: RunningSum;
  readonly count: number;
}

const moments = {
  identity: { sum: zeroRunning, squares: zeroRunning, count: 0 } as Moments,
  add: ({ sum, squares, count }: Moments, value: number): Moments => ({
    sum: addTerm(sum, value),
    squares: addSquareTerm(squares, value),
    count: count + 1,
  }),
  merge: (left: Moments, right: Moments): Moments => ({
    sum: addRunning(left.sum, right.sum),
    squares: addRunning(left.squares, right.squares),
    count: left.count + right.count,
  }),
  encode: ({ sum, squares, count }: Moments): Json => [
    encodeSum(settledSum(sum)),
    encodeSum(settledSum(squares)),
    count,
  ],
  decode: (json: Json): Moments => {
    const [sum, squares, count, ...more] = listIn(json);
    if (more.length > 0) throw corrupt(json);
    return {
      sum: settledAt(decodeSum(sum)),
      squares: settledAt(decodeSum(squares, 'squares')),
      count: countIn(count),
    };
  },
};

/**
 * `(n Q - S^2) / (n (n - 1))`, or `/ n^2`, as an exact fraction, from the sum S of n numbers and the sum Q of their
 * squares.
 */
function varianceOf(
  { sum, squares, count }: Moments,
  spread: Spread,
): { readonly dividend: bigint; readonly divisor: bigint } | undefined {
  const degrees = spread === 'sample' ? count - 1 : count;
  if (degrees < 1) return undefined;
  const [n, s, q] = [BigInt(count), fractionOf(settledSum(sum)), fractionOf(settledSum(squares))];
  const dividend = n * q.numerator * s.denominator ** 2n - s.numerator ** 2n * q.denominator;
  return { dividend, divisor: n * BigInt(degrees) * q.denominator * s.denominator ** 2n };
}

function spreadAggregate(kind: string, rounded: (dividend: bigint, divisor: bigint) => number): SpreadAggregate {
  return <Event>(of: string | NumberOf<Event>, spread: Spread = 'sample') => {
    if (spread !== 'sample' && spread !== 'population')
      throw argumentError(kind, spread, "is not a kind of variance: use 'sample' or 'population'");
    return ofNumbers<Event, Moments, number | string | null>(of, {
      ...moments,
      kind,
      parameters: spread,
      mostBytes: 1800,
      result: (state) => {
        const exact = varianceOf(state, spread);
        return exact === undefined ? null : shownNumber(rounded(exact.dividend, exact.divisor));
      },
    });
  };
}

/**
 * The variance, exact until it is rounded once to a double. By default it is that of a sample: divided by n - 1, null
 * below two numbers. With `'population'` it is divided by n, and null below one number.
 * @example
 * variance('ms');
 * variance('ms', 'population');
 */
export const variance: SpreadAggregate = spreadAggregate('variance', ratio);

/**
 * The standard deviation: the square root of the exact {@link variance}, rounded once.
 * @example
 * stddev('ms');
 */
export const stddev: SpreadAggregate = spreadAggregate('stddev', rootOfRatio);
