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

const largest = Number.MAX_VALUE;
const smallest = Number.MIN_VALUE;
const safest = Number.MAX_SAFE_INTEGER;
/** Half the distance between the two largest doubles. */
const halfUlpOfLargest = 2 ** 970;

function sumOf(...terms: readonly number[]): ExactSum {
  return terms.reduce(addNumber, zero);
}

describe('an exact sum', () => {
  it('is a plain number while it is a safe integer', () => {
    expect(sumOf()).toBe(0);
    expect(sumOf(1, 2, -5)).toBe(-2);
    expect(sumOf(safest)).toBe(safest);
    expect(sumOf(-safest)).toBe(-safest);
  });

  it('is a plain number again when large or fractional terms cancel to a safe integer', () => {
    expect(sumOf(safest, 1)).toStrictEqual({ mantissa: 1n, exponent: 53 });
    expect(sumOf(safest, 1, -1)).toBe(safest);
    expect(sumOf(0.5, 0.25, 0.25)).toBe(1);
    expect(sumOf(2 ** 60, 3, -(2 ** 60))).toBe(3);
    expect(sumOf(2 ** 60, 2 ** 52, -(2 ** 60))).toBe(2 ** 52);
    expect(sumOf(0.1, -0.1)).toBe(0);
  });

  it('takes minus zero for zero', () => {
    expect(addNumber(zero, -0)).toBe(0);
    expect(addNumber(addNumber(zero, -0.5), 0.5)).toBe(0);
    expect(decodeSum(-0)).toBe(0);
    expect(quotient(sumOf(-smallest), 3)).toBe(0);
  });

  it('loses nothing where doubles lose terms', () => {
    expect(toNumber(sumOf(1e308, 1, -1e308))).toBe(1);
    expect(toNumber(sumOf(1e308, 1e308, -1e308))).toBe(1e308);
    expect(toNumber(sumOf(1, 1e-300, -1))).toBe(1e-300);
    expect(toNumber(sumOf(...Array.from({ length: 10 }, () => 0.1)))).toBe(1);
    expect(toNumber(sumOf(largest, smallest, -largest))).toBe(smallest);
  });

  it('refuses what is not finite', () => {
    for (const x of [Number.NaN, Infinity, -Infinity]) {
      expect(() => addNumber(zero, x)).toThrow();
      expect(() => addNumber(sumOf(0.5), x)).toThrow();
    }
  });
});

describe('the nearest double', () => {
  it('is a tie’s even neighbour, and the nearer one as soon as anything breaks the tie', () => {
    expect(toNumber(sumOf(2 ** 53, 1))).toBe(2 ** 53);
    expect(toNumber(sumOf(2 ** 53, 2, 1))).toBe(2 ** 53 + 4);
    expect(toNumber(sumOf(2 ** 53, 1, smallest))).toBe(2 ** 53 + 2);
    expect(toNumber(sumOf(2 ** 53, 2, 1, -smallest))).toBe(2 ** 53 + 2);
    expect(toNumber(sumOf(-(2 ** 53), -1))).toBe(-(2 ** 53));
  });

  it('is an infinity from half a step beyond the largest double on', () => {
    expect(toNumber(sumOf(largest))).toBe(largest);
    expect(toNumber(sumOf(largest, halfUlpOfLargest, -smallest))).toBe(largest);
    expect(toNumber(sumOf(largest, halfUlpOfLargest))).toBe(Infinity);
    expect(toNumber(sumOf(-largest, -largest))).toBe(-Infinity);
  });

  it('is every power of two itself', () => {
    const bits = new DataView(new ArrayBuffer(8));
    for (let exponent = -1074; exponent < 1024; exponent += 1) {
      bits.setBigUint64(0, exponent < -1022 ? 1n << BigInt(exponent + 1074) : BigInt(exponent + 1023) << 52n);
      const power = bits.getFloat64(0);
      expect(toNumber(addNumber(zero, power))).toBe(power);
      expect(toNumber(addNumber(zero, -power))).toBe(-power);
    }
  });
});

describe('a quotient', () => {
  it('is rounded once, ties to even', () => {
    expect(quotient(10, 4)).toBe(2.5);
    expect(quotient(sumOf(0.1, 0.2), 2)).toBe(0.15000000000000002);
    expect(quotient(sumOf(2 ** 54, 2), 2)).toBe(2 ** 53);
    expect(quotient(sumOf(2 ** 54, 2, smallest), 2)).toBe(2 ** 53 + 2);
    expect(quotient(sumOf(2 ** 54, 4, 2), 2)).toBe(2 ** 53 + 4);
  });

  it('is finite where the sum is beyond every double', () => {
    expect(quotient(sumOf(largest, largest, largest), 3)).toBe(largest);
    expect(quotient(sumOf(-largest, -largest), 2)).toBe(-largest);
    expect(quotient(sumOf(largest, largest), 1)).toBe(Infinity);
  });

  it('rounds once among the subnormal doubles too', () => {
    expect(quotient(sumOf(smallest), 2)).toBe(0);
    expect(quotient(sumOf(3 * smallest), 2)).toBe(2 * smallest);
    expect(quotient(sumOf(2 * smallest), 3)).toBe(smallest);
    expect(quotient(sumOf(-5 * smallest), 2)).toBe(-2 * smallest);
    expect(quotient(sumOf(largest), safest)).toBe(largest / safest);
  });

  it('refuses a count that is no positive safe integer', () => {
    for (const count of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(() => quotient(1, count)).toThrow();
      expect(() => quotient(sumOf(0.1), count)).toThrow();
    }
  });
});

describe('an encoded sum', () => {
  it('is a number or short text', () => {
    expect(encodeSum(sumOf(12, 30))).toBe(42);
    expect(encodeSum(sumOf(0.1))).toBe('ccccccccccccdp-55');
    expect(encodeSum(sumOf(-0.5))).toBe('-1p-1');
    expect(encodeSum(sumOf(2 ** 53))).toBe('1p53');
  });

  it('stays within its bound after 2^53 of the largest terms and one of the smallest', () => {
    let sum = sumOf(-largest);
    for (let doubling = 0; doubling < 53; doubling += 1) sum = addSums(sum, sum);
    sum = addNumber(sum, smallest);
    const text = encodeSum(sum);
    expect(String(text)).toHaveLength(maxEncodedChars);
    expect(decodeSum(text)).toStrictEqual(sum);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a boolean', true],
    ['a list', [1]],
    ['an object', { mantissa: 1, exponent: -1 }],
    ['a bigint', 1n],
    ['NaN', Number.NaN],
    ['an infinity', Infinity],
    ['a fraction as a number', 0.5],
    ['an unsafe integer as a number', 2 ** 53],
    ['empty text', ''],
    ['digits only', '5'],
    ['no mantissa', 'p1'],
    ['no exponent', '1p'],
    ['zero as text', '0p0'],
    ['a safe integer as text', '1p4'],
    ['an even mantissa', '6p-3'],
    ['a leading zero', '01p-1'],
    ['a leading zero in the exponent', '1p-01'],
    ['minus zero as exponent', '1p-0'],
    ['a plus sign', '+1p-1'],
    ['capitals', 'Ap-1'],
    ['another prefix', '0x1p-1'],
    ['space before it', ' 1p-1'],
    ['a line end after it', '1p-1\n'],
    ['less than the smallest double', '1p-1075'],
    ['more than 2^53 of the largest doubles', '1p1077'],
    ['an exponent that would fill the memory', '1p999999999'],
    ['a mantissa without end', `${'1'.repeat(10_000)}p-1`],
  ])('is not %s', (_, json) => {
    expect(() => decodeSum(json)).toThrow();
  });
});
