import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Json, sum } from '../../functions/core/aggregates/index.ts';
import {
  addDecimals,
  type Decimal,
  decimalText,
  parseDecimal,
  parseShortDecimal,
  zeroDecimal,
} from '../../functions/core/numbers/decimal.ts';
import { addNumber, addSquare, addSums, type ExactSum, zero } from '../../functions/core/numbers/exact-sum.ts';
import {
  addRunning,
  addSquareTerm,
  addTerm,
  type RunningSum,
  settledSum,
  zeroRunning,
} from '../../functions/core/numbers/running-sum.ts';

/** Of all sizes, so that three doubles often do not hold the sum, and of prices' size, so that they do. */
const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  fc.integer({ min: -100_000, max: 100_000 }).map((cents) => cents / 100),
  fc.integer({ min: -1080, max: 1023 }).map((exponent) => 2 ** exponent),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.MIN_VALUE,
    2 ** -480,
    2 ** 480,
    2 ** 53,
    -(2 ** 53),
  ),
);
const lists = fc.array(numbers, { maxLength: 60, size: 'max' });

function runningOf(terms: readonly number[], add = addTerm): RunningSum {
  return terms.reduce(add, zeroRunning);
}

function plainOf(terms: readonly number[]): ExactSum {
  return terms.reduce(addNumber, zero);
}

it('a running sum is, settled at any time, the plain exact sum', () => {
  fc.assert(
    fc.property(lists, (terms) => {
      let running = zeroRunning;
      let plain = zero;
      for (const x of terms) {
        running = addTerm(running, x);
        plain = addNumber(plain, x);
        expect(settledSum(running)).toStrictEqual(plain);
      }
    }),
    { numRuns: 500 },
  );
});

it('a running sum of squares is the plain exact one', () => {
  fc.assert(
    fc.property(lists, (terms) => {
      expect(settledSum(runningOf(terms, addSquareTerm))).toStrictEqual(terms.reduce(addSquare, zero));
    }),
    { numRuns: 500 },
  );
});

it('running sums are merged as plain ones', () => {
  fc.assert(
    fc.property(lists, lists, (x, y) => {
      const [left, right] = [runningOf(x), runningOf(y)];
      expect(settledSum(addRunning(left, right))).toStrictEqual(addSums(plainOf(x), plainOf(y)));
    }),
    { numRuns: 500 },
  );
});

it('a running sum takes finite numbers only', () => {
  for (const x of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    expect(() => runningOf([0.1, x])).toThrow();
    expect(() => runningOf([x], addSquareTerm)).toThrow();
  }
});

/** Texts that are decimals, or nearly. */
const decimals = fc.oneof(
  fc.stringMatching(/^[+-]?\d{0,18}(\.\d{0,18})?$/),
  fc.stringMatching(/^-?\d{1,8}\.\d{2}$/),
  fc.stringMatching(/^[+-.\de ]{0,6}$/),
  fc.string({ maxLength: 5 }),
);

it('a short decimal is read as any other decimal is', () => {
  let short = 0;
  fc.assert(
    fc.property(decimals, (text) => {
      const read = parseShortDecimal(text);
      if (read === undefined) return;
      short++;
      expect({ unscaled: BigInt(read.units), scale: read.scale }).toStrictEqual(parseDecimal(text));
    }),
    { numRuns: 2000 },
  );
  expect(short).toBeGreaterThan(300);
});

it('a plain decimal of up to 15 digits is a short one', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[+-]?(\d{1,15}|\d{1,7}\.\d{1,8})$/), (text) => {
      expect(parseShortDecimal(text)).toBeDefined();
    }),
  );
});

it('a sum of decimals in text is the sum of the plain decimals', () => {
  const amounts = fc.oneof(
    fc.stringMatching(/^-?\d{1,6}\.\d{1,4}$/),
    fc.stringMatching(/^-?\d{1,15}\.\d{1,3}$/),
    fc.stringMatching(/^-?\d{1,3}\.\d{1,15}$/),
    fc.stringMatching(/^-?\d{1,30}\.\d{1,20}$/),
  );
  const aggregate = sum<{ readonly amount: string }>(({ amount }) => amount);
  const stateOf = (terms: readonly string[]) =>
    terms.reduce<unknown>((state, amount) => {
      const input = aggregate.input({ amount }, 0);
      if (input.kind !== 'value') throw new Error(`not a term: ${amount}`);
      return aggregate.add(state, input.value);
    }, aggregate.identity);
  fc.assert(
    fc.property(fc.array(amounts, { maxLength: 40 }), fc.nat(), (terms, at) => {
      const cut = at % (terms.length + 1);
      const merged = aggregate.merge(stateOf(terms.slice(0, cut)), stateOf(terms.slice(cut)));
      const whole = stateOf(terms);
      const plain = terms.reduce<Decimal>(
        (total, text) => addDecimals(total, parseDecimal(text) ?? zeroDecimal),
        zeroDecimal,
      );
      const encoded = JSON.stringify(aggregate.encode(whole));
      expect(JSON.stringify(aggregate.encode(merged))).toBe(encoded);
      expect(String(aggregate.result(whole))).toBe(terms.length === 0 ? 'null' : shown(plain));
      expect(JSON.stringify(aggregate.encode(aggregate.decode(JSON.parse(encoded) as Json)))).toBe(encoded);
    }),
    { numRuns: 300 },
  );
});

/** A decimal as results show it. */
function shown(decimal: Decimal): string {
  const text = decimalText(decimal);
  // A double that holds it may be shown with an exponent.
  const double = Number(text);
  const printed = parseDecimal(String(double));
  return printed !== undefined && decimalText(printed) === text ? String(double) : text;
}
