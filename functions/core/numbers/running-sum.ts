import { addNumber, addSquare, addSums, type ExactSum, zero } from './exact-sum.ts';

/**
 * An exact sum while it is added up, immutable: `settled + high + middle + low`, to the bit. Most terms cost a few additions of
 * doubles, where an {@link ExactSum} costs some of big integers.
 *
 * Each addition of doubles leaves an error that is a double itself (Knuth's TwoSum). The error of `high` goes into
 * `middle`, and the error of that into `low`. Where `low` cannot take it exactly, the three are settled and begin anew.
 * So many forms stand for one value: compare and store {@link settledSum} only.
 */
export interface RunningSum {
  readonly settled: ExactSum;
  readonly high: number;
  readonly middle: number;
  readonly low: number;
}

/** The sum of nothing. */
export const zeroRunning: RunningSum = { settled: zero, high: 0, middle: 0, low: 0 };

/** `sum + x`. @throws when it is not finite, as {@link addNumber} */
export function addTerm(sum: RunningSum, x: number): RunningSum {
  const { settled } = sum;
  const high = sum.high + x;
  const ofHigh = additionError(sum.high, x, high);
  // Beyond the doubles the error is NaN, which no comparison takes for exact.
  if (ofHigh === 0) return { settled, high, middle: sum.middle, low: sum.low };
  const middle = sum.middle + ofHigh;
  const ofMiddle = additionError(sum.middle, ofHigh, middle);
  if (ofMiddle === 0) return { settled, high, middle, low: sum.low };
  const low = sum.low + ofMiddle;
  if (additionError(sum.low, ofMiddle, low) === 0) return { settled, high, middle, low };
  return settledAt(addNumber(settledSum(sum), x));
}

/** The sizes of a number, powers of two, between which its square and the error of that are exact. */
const leastSquared = 2 ** -480;
const mostSquared = 2 ** 480;

/** 2^27 + 1, which cuts a double's 53 bits into halves (Veltkamp). */
const halving = 134_217_729;

/** `sum + x * x`, exact. @throws when it is not finite */
export function addSquareTerm(sum: RunningSum, x: number): RunningSum {
  const size = Math.abs(x);
  if (!(size >= leastSquared && size <= mostSquared)) return x === 0 ? sum : settledAt(addSquare(settledSum(sum), x));
  // The square as a double, and the error of that, which is a double too (Dekker's product).
  const square = size * size;
  const shifted = halving * size;
  const upper = shifted - (shifted - size);
  const lower = size - upper;
  const error = upper * upper - square + 2 * upper * lower + lower * lower;
  const added = addTerm(sum, square);
  return error === 0 ? added : addTerm(added, error);
}

/** The merge of two sums. */
export function addRunning(left: RunningSum, { settled, high, middle, low }: RunningSum): RunningSum {
  let sum = settled === 0 ? left : { ...left, settled: addSums(left.settled, settled) };
  if (high !== 0) sum = addTerm(sum, high);
  if (middle !== 0) sum = addTerm(sum, middle);
  return low === 0 ? sum : addTerm(sum, low);
}

/** A sum that is settled so far. */
export function settledAt(settled: ExactSum): RunningSum {
  return { settled, high: 0, middle: 0, low: 0 };
}

/** The sum in its only form. */
export function settledSum({ settled, high, middle, low }: RunningSum): ExactSum {
  let sum = settled;
  if (high !== 0) sum = addNumber(sum, high);
  if (middle !== 0) sum = addNumber(sum, middle);
  return low === 0 ? sum : addNumber(sum, low);
}

/** `left + right - sum`, exact when `sum` is `left + right` as a double. */
function additionError(left: number, right: number, sum: number): number {
  const ofRight = sum - left;
  return left - (sum - ofRight) + (right - ofRight);
}
