import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addNumber,
  addSums,
  decodeSum,
  type ExactSum,
  encodeSum,
  maxEncodedChars,
  quotient,
  toNumber,
  zero,
} from '../../functions/core/numbers/exact-sum.ts';

const view = new DataView(new ArrayBuffer(8));

function doubleOf(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

/** The value of a finite double in units of 2^-1074, read from its bits. */
function unitsOf(x: number): bigint {
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0) & (2n ** 63n - 1n);
  const biased = bits >> 52n;
  const size = biased === 0n ? bits : ((bits & (2n ** 52n - 1n)) | (1n << 52n)) << (biased - 1n);
  return x < 0 ? -size : size;
}

const infinityBits = 0x7ff0000000000000n;

/** The units of the double with these bits; infinity stands where the next double would be. */
function unitsOfBits(bits: bigint): bigint {
  return bits === infinityBits ? 1n << 2098n : unitsOf(doubleOf(bits));
}

/**
 * The reference: the double nearest to `units / divisor` units of 2^-1074, found by halving the range of all doubles.
 */
function nearest(units: bigint, divisor: bigint): number {
  const size = units < 0n ? -units : units;
  let low = 0n;
  let high = infinityBits;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (unitsOfBits(middle) * divisor <= size) low = middle;
    else high = middle;
  }
  const below = size - unitsOfBits(low) * divisor;
  const above = unitsOfBits(high) * divisor - size;
  const bits = below < above || (below === above && (low & 1n) === 0n) ? low : high;
  return units < 0n && bits !== 0n ? -doubleOf(bits) : doubleOf(bits);
}

function unitsOfAll(terms: readonly number[]): bigint {
  return terms.reduce((units, x) => units + unitsOf(x), 0n);
}

/**
 * Python's `math.fsum`: Shewchuk's non-overlapping partials, rounded half to even. For sums within the range of
 * doubles.
 */
function fsum(terms: readonly number[]): number {
  let partials: number[] = [];
  for (const term of terms) {
    let x = term;
    const next: number[] = [];
    for (const partial of partials) {
      const [large, small] = Math.abs(x) < Math.abs(partial) ? [partial, x] : [x, partial];
      const high = large + small;
      const low = small - (high - large);
      if (low !== 0) next.push(low);
      x = high;
    }
    partials = [...next, x];
  }
  let high = partials.pop() ?? 0;
  let low = 0;
  for (let partial = partials.pop(); partial !== undefined; partial = partials.pop()) {
    const x = high;
    high = x + partial;
    low = partial - (high - x);
    if (low !== 0) break;
  }
  const beyond = partials.at(-1) ?? 0;
  if ((low < 0 && beyond < 0) || (low > 0 && beyond > 0)) {
    const twice = low * 2;
    const x = high + twice;
    if (twice === x - high) high = x;
  }
  return high + 0;
}

const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });
const subnormal = fc.bigInt({ min: 0n, max: 2n ** 53n }).map(doubleOf);
const decimal = fc.integer({ min: -1_000_000, max: 1_000_000 }).map((cents) => cents / 100);
const integer = fc.oneof(fc.maxSafeInteger(), fc.integer());
/** Doubles of few bits near few exponents: their sums end in ties, carries and cancellation. */
const sparse = fc
  .tuple(
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(-1074, -1022, -97, -96, -64, -1, 0, 1, 40, 52, 53, 54, 106, 969, 970, 1022),
  )
  .map(([mantissa, exponent]) => mantissa * 2 ** exponent);
const extreme = fc.constantFrom(
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  2 ** -1022,
  1e308,
  -1e308,
  1,
  -0,
);
const term = fc.oneof(anyDouble, subnormal, decimal, integer, sparse, extreme);
const terms = fc.array(term, { maxLength: 40 });
const count = fc.oneof(
  fc.integer({ min: 1, max: 12 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.nat({ max: 52 }).map((n) => 2 ** n),
);

function sumOf(numbers: readonly number[]): ExactSum {
  return numbers.reduce(addNumber, zero);
}

/** The same terms in another order, cut into batches that are summed separately and merged left to right. */
const regrouped = terms.chain((original) =>
  fc.record({
    original: fc.constant(original),
    batches: fc
      .tuple(
        fc.shuffledSubarray(original, { minLength: original.length }),
        fc.array(fc.nat({ max: 10 }), { maxLength: 10 }),
      )
      .map(([shuffled, sizes]) => {
        let from = 0;
        const cut = sizes.map((size) => {
          from += size;
          return shuffled.slice(from - size, from);
        });
        return [...cut, shuffled.slice(from)];
      }),
  }),
);

describe('exact sums', () => {
  it('are the same bits in any order and grouping', () => {
    fc.assert(
      fc.property(regrouped, ({ original, batches }) => {
        const merged = batches.map(sumOf).reduce(addSums, zero);
        const expected = sumOf(original);
        expect(merged).toStrictEqual(expected);
        expect(encodeSum(merged)).toBe(encodeSum(expected));
      }),
      { numRuns: 500 },
    );
  });

  it('merge commutatively and associatively, with zero as identity and the negated terms as inverse', () => {
    fc.assert(
      fc.property(terms, terms, terms, (a, b, c) => {
        const [x, y, z] = [sumOf(a), sumOf(b), sumOf(c)];
        expect(addSums(x, y)).toStrictEqual(addSums(y, x));
        expect(addSums(addSums(x, y), z)).toStrictEqual(addSums(x, addSums(y, z)));
        expect(addSums(x, zero)).toStrictEqual(x);
        expect(addSums(zero, x)).toStrictEqual(x);
        expect(addSums(x, sumOf(a.map((number) => -number)))).toBe(0);
      }),
    );
  });

  it('are equal exactly when their encodings are', () => {
    fc.assert(
      fc.property(terms, terms, (a, b) => {
        expect(encodeSum(sumOf(a)) === encodeSum(sumOf(b))).toBe(unitsOfAll(a) === unitsOfAll(b));
      }),
    );
  });

  it('are plain numbers exactly when they are safe integers', () => {
    fc.assert(
      fc.property(terms, (numbers) => {
        const units = unitsOfAll(numbers);
        const whole = units >> 1074n;
        const safe = whole << 1074n === units && Number.isSafeInteger(Number(whole));
        expect(encodeSum(sumOf(numbers))).toSatisfy((encoded) => (typeof encoded === 'number') === safe);
        if (safe) expect(sumOf(numbers)).toBe(Number(whole));
      }),
    );
  });

  it('round to the double that the reference finds', () => {
    fc.assert(
      fc.property(terms, (numbers) => {
        expect(toNumber(sumOf(numbers))).toBe(nearest(unitsOfAll(numbers), 1n));
      }),
      { numRuns: 500 },
    );
  });

  it('of few bits round to the double that the reference finds, ties and overflow included', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(sparse, extreme), { maxLength: 5 }), (numbers) => {
        expect(toNumber(sumOf(numbers))).toBe(nearest(unitsOfAll(numbers), 1n));
      }),
      { numRuns: 500 },
    );
  });

  it('of one term round to that term', () => {
    fc.assert(
      fc.property(term, (x) => {
        expect(toNumber(addNumber(zero, x))).toBe(x + 0);
      }),
    );
  });

  it('divide to the double that the reference finds', () => {
    fc.assert(
      fc.property(
        fc.oneof(terms, fc.array(sparse, { maxLength: 4 }), fc.array(subnormal, { maxLength: 3 })),
        count,
        (numbers, divisor) => {
          expect(quotient(sumOf(numbers), divisor)).toBe(nearest(unitsOfAll(numbers), BigInt(divisor)));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('agree with fsum', () => {
    const inRange = fc.oneof(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), subnormal, decimal, integer);
    fc.assert(
      fc.property(fc.array(inRange, { maxLength: 40 }), (numbers) => {
        expect(toNumber(sumOf(numbers))).toBe(fsum(numbers));
      }),
      { numRuns: 300 },
    );
  });

  it('survive JSON within their bound', () => {
    fc.assert(
      fc.property(terms, (numbers) => {
        const sum = sumOf(numbers);
        const json = JSON.stringify(encodeSum(sum));
        expect(json.length).toBeLessThanOrEqual(maxEncodedChars + 2);
        expect(decodeSum(JSON.parse(json))).toStrictEqual(sum);
      }),
    );
  });

  it('are read from text only in the spelling that they are written in', () => {
    const spelling = fc.stringMatching(/^-?[0-9a-f]{1,20}p-?[0-9]{1,5}$/);
    fc.assert(
      fc.property(spelling, (text) => {
        let sum: ExactSum;
        try {
          sum = decodeSum(text);
        } catch {
          return;
        }
        expect(encodeSum(sum)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});
