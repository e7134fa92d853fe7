import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nonFiniteJson, parseEvent } from '../../functions/core/events/event-json.ts';
import { exactNumber, isAmbiguous } from '../../functions/core/events/exact-number.ts';

describe('a number as it is written', () => {
  it.each([
    ['0', 0],
    ['-0', -0],
    ['1.10', 1.1],
    ['1e2', 100],
    ['9007199254740991', 9_007_199_254_740_991],
    ['-9007199254740991', -9_007_199_254_740_991],
    ['0.1', 0.1],
    ['0.10000000000000001', 0.1], // C's %.17g
    ['0.1000000000000000055511151231257827', 0.1], // all digits of the double
    ['0.30000000000000004', 0.30000000000000004],
    ['2.500000000000000000000', 2.5],
    ['9007199254740992.0', 2 ** 53], // Python's float
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['4.9406564584124654e-324', Number.MIN_VALUE],
    ['1e-400', 0],
    ['1e400', Number.POSITIVE_INFINITY],
    ['-1e400', Number.NEGATIVE_INFINITY],
  ])('is a number where a double keeps it: %s', (text, number) => {
    expect(exactNumber(text)).toBe(number);
  });

  it.each([
    ['9007199254740992', '9007199254740992'],
    ['9007199254740993', '9007199254740993'],
    ['-1234567890123456789', '-1234567890123456789'],
    ['9007199254740993.0', '9007199254740993'],
    ['1.234567890123456789e18', '1234567890123456789'],
    ['90071992547409.93', '90071992547409.93'],
    ['1.234567890123456789', '1.234567890123456789'],
    ['1.2345678901234567890', '1.234567890123456789'],
    ['33.3333333333333333', '33.3333333333333333'],
    [`0.${'3'.repeat(400)}`, `0.${'3'.repeat(400)}`],
  ])('is text where none does: %s', (text, exact) => {
    expect(exactNumber(text)).toBe(exact);
  });

  it('is the same number whichever way a double is printed', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 17, max: 40 }),
        (x, digits) => {
          const double = x + 0;
          for (const text of [double.toExponential(), double.toPrecision(digits)])
            if (/[.e]/.test(text)) expect(exactNumber(text)).toBe(double);
        },
      ),
    );
  });

  it('is never another one: digits that differ are different values', () => {
    const digits = fc.bigInt({ min: 0n, max: 10n ** 25n - 1n }).map((n) => String(n).padStart(25, '0'));
    const numbers = fc.tuple(digits, fc.integer({ min: 1, max: 25 })).map(([text, point]) => {
      const written = `${text.slice(0, point).replace(/^0+(?=\d)/, '')}.${text.slice(point)}`;
      return written.endsWith('.') ? written.slice(0, -1) : written;
    });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 9 }), (text, step) => {
        const last = Number(text.at(-1));
        const other = `${text.slice(0, -1)}${(last + step) % 10}`;
        expect(exactNumber(text)).not.toBe(exactNumber(other));
      }),
    );
  });
});

describe('the text of an event', () => {
  it('keeps its long numbers at any depth, and leaves what is text as it is', () => {
    expect(
      parseEvent(
        '{"a":[1234567890123456788, -1234567890123456789],"b":{"c":9007199254740993.5},"1234567890123456789":1,' +
          '"t":"\\"1234567890123456789, 1234567890123456789","d":12345678901234567890}',
      ),
    ).toStrictEqual({
      a: ['1234567890123456788', '-1234567890123456789'],
      b: { c: '9007199254740993.5' },
      '1234567890123456789': 1,
      t: '"1234567890123456789, 1234567890123456789',
      d: '12345678901234567890',
    });
    expect(parseEvent('1234567890123456789')).toBe('1234567890123456789');
    expect(Object.keys(parseEvent('{"__proto__":1234567890123456789}') as object)).toEqual(['__proto__']);
  });

  it('is found wherever its long number stands', () => {
    for (let before = 0; before < 40; before++)
      for (const number of ['9007199254740993', '1.234567890123456789', '1234567890123456789012345'])
        expect(parseEvent(`{"${'x'.repeat(before)}":${number},"y":1}`)).toEqual({ ['x'.repeat(before)]: number, y: 1 });
  });

  it('is what JSON.parse makes of it, but for whole numbers beyond 2^53, and an error where that has one', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const exact = (_: string, value: unknown) =>
          typeof value === 'number' && isAmbiguous(value) ? String(value) : value;
        expect(parseEvent(text)).toStrictEqual(JSON.parse(text, exact));
      }),
    );
    for (const text of ['{"a":01234567890123456789}', '{"a":1234567890123456789', '1234567890123456789.', '{"a":NaN}'])
      expect(() => parseEvent(text)).toThrow(SyntaxError);
  });

  it('holds NaN and the infinities as MongoDB Extended JSON writes them, and other objects as they are', () => {
    for (const double of ['NaN', 'Infinity', '-Infinity'] as const)
      expect(parseEvent(`{"a":[${nonFiniteJson(double)}]}`)).toStrictEqual({ a: [Number(double)] });
    for (const other of [{ $numberDouble: '1.5' }, { $numberDouble: 'toString' }, { $numberDouble: 'NaN', b: 1 }])
      expect(parseEvent(JSON.stringify({ other }))).toStrictEqual({ other });
  });
});
