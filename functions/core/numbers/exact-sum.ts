/**
 * The state behind `sum` and `avg`: the exact sum of the doubles added so far, rounded once, when the result is read.
 * Exact addition is commutative and associative. So no order, batching, sharding or retry changes a bit of the result
 * (DESIGN section 1, "partial aggregate").
 *
 * Every finite double is an integer times 2^-1074, so a sum is one too: a big integer and a power of two hold it. The
 * known alternatives keep a list of non-overlapping doubles (Shewchuk, "Adaptive Precision Floating-Point Arithmetic
 * and Fast Robust Geometric Predicates", 1997; Python's `math.fsum`). They are faster for one sum. But many such lists
 * stand for one value, and they overflow half-way through 1e308 + 1e308 - 1e308. This form has exactly one encoding for
 * each value. So equal sums are equal bytes in an item, and merging two states is one addition.
 */

/**
 * A sum that is not a safe integer: `mantissa * 2^exponent`, `mantissa` odd, `exponent` at least -1074. Only this
 * module makes it.
 */
export interface BigSum {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/**
 * An exact sum, immutable, in the unit of its terms. A plain number exactly when the sum is a safe integer
 * (at most 2^53 - 1 in magnitude; never -0), a `BigSum` otherwise, so equal sums are deeply equal.
 */
export type ExactSum = number | BigSum;

/** The sum of nothing: the identity of `addSums`. */
export const zero: ExactSum = 0;

/**
 * Most characters of an encoded sum: 1,074 bits below the point, 1,024 above and 53 for the growth by up to 2^53 terms
 * (285 years at a million a second) are 538 hexadecimal digits; sign, `p` and exponent are 7 more.
 */
export const maxEncodedChars = 545;

const smallestExponent = -1074;
const mantissaBits = 53;
const largestBits = 1024 + 53;
const two32 = 2 ** 32;
const scratch = new DataView(new ArrayBuffer(8));

/** `sum + x`. `x` is finite: the caller has validated it, so NaN and the infinities are a bug and throw. */
export function addNumber(sum: ExactSum, x: number): ExactSum {
  if (typeof sum === 'number' && Number.isInteger(x)) {
    // Both are integers: a rounded result within the safe range was not rounded at all.
    const result = sum + x;
    if (Number.isSafeInteger(result)) return result;
  }
  if (!Number.isFinite(x)) throw new Error(`a sum takes finite numbers only, not ${x}`);
  return addExact(exactly(sum), exactly(x));
}

/** The merge of two partial sums: commutative, associative, with `zero` as its identity, all to the bit. */
export function addSums(a: ExactSum, b: ExactSum): ExactSum {
  if (typeof b === 'number') return addNumber(a, b);
  if (typeof a === 'number') return addNumber(b, a);
  return addExact(a, b);
}

/** The double nearest to the sum, ties to even; beyond the largest double, an infinity. Never -0. */
export function toNumber(sum: ExactSum): number {
  if (typeof sum === 'number') return sum;
  return signed(sum, nearestDouble(magnitude(sum.mantissa), sum.exponent, 0n));
}

/**
 * The double nearest to the exact rational `sum / count`, ties to even, rounded once: the mean can be finite where the
 * sum is beyond every double. `count` is a positive safe integer, anything else a bug that throws.
 */
export function quotient(sum: ExactSum, count: number): number {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new Error(`a sum is divided by a positive integer, not ${count}`);
  if (typeof sum === 'number') return sum / count; // both are exact doubles, and IEEE 754 rounds a division once
  const dividend = magnitude(sum.mantissa);
  const divisor = BigInt(count);
  // At least 55 bits of quotient: the remainder then lies below the bit that decides, where only "some or none"
  // matters.
  const shift = Math.max(0, mantissaBits + 3 + bitLength(divisor) - bitLength(dividend));
  const shifted = dividend << BigInt(shift);
  return signed(sum, nearestDouble(shifted / divisor, sum.exponent - shift, shifted % divisor));
}

/**
 * The double nearest to an exact rational, ties to even; beyond the largest double, an infinity. Never -0.
 * @param divisor positive
 */
export function ratio(dividend: bigint, divisor: bigint): number {
  if (dividend === 0n) return 0;
  const size = magnitude(dividend);
  const shift = Math.max(0, mantissaBits + 3 + bitLength(divisor) - bitLength(size));
  const shifted = size << BigInt(shift);
  const nearest = nearestDouble(shifted / divisor, -shift, shifted % divisor);
  return dividend < 0n && nearest !== 0 ? -nearest : nearest;
}

/**
 * The double nearest to the square root of an exact rational that is not negative, ties to even, rounded once. The
 * rational itself may be above every double or below it.
 * @param divisor positive
 */
export function rootOfRatio(dividend: bigint, divisor: bigint): number {
  if (dividend === 0n) return 0;
  // A whole root of 55 bits or more, scaled by a power of two. The bits below it only decide "some or none".
  const power = Math.floor((bitLength(dividend) - bitLength(divisor)) / 2) - (mantissaBits + 3);
  const scale = BigInt(2 * Math.abs(power));
  const scaledDividend = power < 0 ? dividend << scale : dividend;
  const scaledDivisor = power < 0 ? divisor : divisor << scale;
  const square = scaledDividend / scaledDivisor;
  const root = wholeRoot(square);
  const rest = square - root * root + (scaledDividend % scaledDivisor);
  return nearestDouble(root, power, rest);
}

/** The greatest integer whose square is at most a positive number of a few hundred bits (Newton). */
function wholeRoot(square: bigint): bigint {
  let root = 1n << BigInt((bitLength(square) + 1) >> 1);
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** A sum as a fraction, exact; its denominator is a power of two. */
export function fractionOf(sum: ExactSum): { readonly numerator: bigint; readonly denominator: bigint } {
  if (typeof sum === 'number') return { numerator: BigInt(sum), denominator: 1n };
  const { mantissa, exponent } = sum;
  return exponent >= 0
    ? { numerator: mantissa << BigInt(exponent), denominator: 1n }
    : { numerator: mantissa, denominator: 1n << BigInt(-exponent) };
}

/** `sum + x * x`, exact. `x` is finite, as for {@link addNumber}. Such sums are read back as sums of `squares`. */
export function addSquare(sum: ExactSum, x: number): ExactSum {
  const square = x * x;
  if (Number.isInteger(x) && Number.isSafeInteger(square)) return addNumber(sum, square);
  if (!Number.isFinite(x)) throw new Error(`a sum takes finite numbers only, not ${x}`);
  const { mantissa, exponent } = exactly(x);
  return addExact(exactly(sum), { mantissa: mantissa * mantissa, exponent: 2 * exponent });
}

/**
 * The sum for JSON: the plain number, or text `"<mantissa in hex>p<exponent>"`, as in `"ccccccccccccdp-55"` for 0.1.
 * At most `maxEncodedChars` characters; equal sums have equal encodings.
 */
export function encodeSum(sum: ExactSum): number | string {
  return typeof sum === 'number' ? sum : `${sum.mantissa.toString(16)}p${sum.exponent}`;
}

/** The terms of a sum. Doubles have half the range of their squares. */
export type SumTerms = 'numbers' | 'squares';

const termRange: Readonly<Record<SumTerms, number>> = { numbers: 1, squares: 2 };

/**
 * The inverse of `encodeSum`. Throws on everything that `encodeSum` does not write, other spellings of a sum included.
 */
export function decodeSum(json: unknown, terms: SumTerms = 'numbers'): ExactSum {
  if (typeof json === 'number' && Number.isSafeInteger(json)) return json + 0; // turns -0 into 0
  const range = termRange[terms];
  const sum = typeof json === 'string' && json.length <= range * maxEncodedChars ? parse(json, range) : undefined;
  if (sum === undefined) throw new Error(`not an encoded sum: ${(JSON.stringify(json) ?? typeof json).slice(0, 80)}`);
  return sum;
}

function addExact(a: BigSum, b: BigSum): ExactSum {
  const distance = a.exponent - b.exponent;
  if (distance === 0) return normalized(a.mantissa + b.mantissa, a.exponent);
  return distance > 0
    ? normalized((a.mantissa << BigInt(distance)) + b.mantissa, b.exponent)
    : normalized((b.mantissa << BigInt(-distance)) + a.mantissa, a.exponent);
}

/** `mantissa * 2^exponent` in its only form. */
function normalized(mantissa: bigint, exponent: number): ExactSum {
  if (mantissa === 0n) return 0;
  let odd = mantissa;
  let power = exponent;
  let low = Number(BigInt.asUintN(32, odd));
  while ((low & 1) === 0) {
    const zeros = low === 0 ? 32 : trailingZeros(low);
    odd >>= BigInt(zeros);
    power += zeros;
    low = Number(BigInt.asUintN(32, odd));
  }
  if (power >= 0 && power < mantissaBits) {
    const integer = Number(odd) * 2 ** power;
    if (Number.isSafeInteger(integer)) return integer;
  }
  return { mantissa: odd, exponent: power };
}

/** A finite number or a sum as mantissa and exponent; the mantissa may be even, unlike a sum's. */
function exactly(value: ExactSum): BigSum {
  if (typeof value !== 'number') return value;
  if (Number.isSafeInteger(value)) return { mantissa: BigInt(value), exponent: 0 };
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  const low = scratch.getUint32(4);
  const biased = (high >>> 20) & 0x7ff;
  const fraction = (high & 0xfffff) * two32 + low;
  const integer = biased === 0 ? fraction : fraction + 2 ** 52;
  const zeros = low === 0 ? 32 : trailingZeros(low);
  const odd = integer / 2 ** zeros;
  return { mantissa: BigInt(value < 0 ? -odd : odd), exponent: Math.max(biased, 1) - 1075 + zeros };
}

/**
 * The double nearest to `(mantissa + a little) * 2^exponent`. A little is below one, and there is one when the
 * remainder is not zero.
 */
function nearestDouble(mantissa: bigint, exponent: number, remainder: bigint): number {
  const lastBit = Math.max(bitLength(mantissa) + exponent - mantissaBits, smallestExponent);
  const dropped = BigInt(lastBit - exponent);
  if (dropped <= 0n) return Number(mantissa) * 2 ** exponent;
  const kept = mantissa >> dropped;
  const rest = mantissa - (kept << dropped);
  const half = 1n << (dropped - 1n);
  const up = rest > half || (rest === half && (remainder !== 0n || (kept & 1n) === 1n));
  return Number(up ? kept + 1n : kept) * 2 ** lastBit;
}

function parse(text: string, range: number): ExactSum | undefined {
  const [, minus, digits, exponentText] = /^(-?)([1-9a-f][0-9a-f]*)p(0|-?[1-9]\d{0,3})$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const exponent = Number(exponentText);
  const bits = bitsOfHex(digits) + exponent;
  if (exponent < range * smallestExponent || bits > range * largestBits) return undefined;
  // Every sum has one spelling: mantissas are odd, and safe integers are numbers. So nothing has to be spelt again to
  // be sure.
  const isEven = (Number.parseInt(digits.slice(-1), 16) & 1) === 0;
  if (isEven || (exponent >= 0 && bits <= mantissaBits)) return undefined;
  const mantissa = BigInt(`0x${digits}`);
  return { mantissa: minus === '-' ? -mantissa : mantissa, exponent };
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function signed(sum: BigSum, size: number): number {
  return sum.mantissa < 0n && size !== 0 ? -size : size;
}

/** The number of bits of a bigint that is not negative. */
function bitLength(value: bigint): number {
  return bitsOfHex(value.toString(16));
}

function bitsOfHex(digits: string): number {
  return digits.length * 4 - Math.clz32(Number.parseInt(digits.charAt(0), 16)) + 28;
}

/** The number of zeros below the lowest one of 32 bits that are not all zero. */
function trailingZeros(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
