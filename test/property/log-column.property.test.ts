import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../functions/core/aggregates/index.ts';
import { packColumn, unpackColumn } from '../../functions/core/log/column.ts';

const long = { minLength: 24, maxLength: 60 } as const;
const times = fc.integer({ min: 1_469_501_107_000, max: 1_469_501_108_000 });
const texts = fc.oneof(
  fc.nat({ max: 999 }).map((i) => `user-${i}`),
  fc.constantFrom(
    '😀',
    '😁',
    '😁a',
    'é',
    '',
    ',',
    ',;| ~^/\n\t',
    '"',
    'x'.repeat(63),
    'x'.repeat(64),
    `${'x'.repeat(80)}y`,
  ),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);
const columns: fc.Arbitrary<Json[]> = fc.oneof(
  fc.array(
    fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json),
    { maxLength: 30 },
  ),
  fc.array(times, long),
  fc.array(fc.maxSafeInteger(), long),
  fc.array(texts, long),
  fc.array(texts, long).map((list) => list.sort()),
  fc.array(fc.tuple(times, fc.nat(), texts, fc.tuple(fc.boolean())), long).map((list) => list.map((row) => [...row])),
  fc.tuple(fc.jsonValue(), fc.nat({ max: 40 })).map(([value, length]) => new Array<Json>(length).fill(value as Json)),
);

describe('a column', () => {
  it('can be read back from its JSON, whatever its values', () => {
    fc.assert(
      fc.property(columns, (values) => {
        const text = JSON.stringify(packColumn(values));
        expect(JSON.stringify(unpackColumn(JSON.parse(text) as Json, values.length))).toBe(JSON.stringify(values));
        expect(text.length).toBeLessThanOrEqual(JSON.stringify(values).length + 40);
      }),
      { numRuns: 400 },
    );
  });

  it('never parts a pair of surrogates, which would be escaped', () => {
    fc.assert(
      fc.property(fc.array(texts, long), (values) => {
        expect(JSON.stringify(packColumn(values))).not.toMatch(/\\ud/);
      }),
    );
  });

  it('of another number of values is refused', () => {
    fc.assert(
      fc.property(
        // A column of one value, or of equal lists, says nothing about its length.
        columns.filter((values) => new Set(values.map((value) => JSON.stringify(value))).size > 1),
        (values) => {
          expect(() => unpackColumn(packColumn(values), values.length + 1)).toThrow(`${values.length + 1} values`);
        },
      ),
    );
  });
});

describe('a long column', () => {
  const rows = Array.from({ length: 30 }, (_, i) => i);

  it.each<[string, Json[], Json]>([
    ['of one value', rows.map(() => 1), { all: 1 }],
    ['of times', rows.map((i) => 1_469_501_107_000 + i), { from: 1_469_501_107_000, plus: rows }],
    ['of counts', rows.map((i) => i + 1), rows.map((i) => i + 1)],
    ['of lists', rows.map((i) => [i, 1]), { of: [rows, { all: 1 }] }],
    ['of lists of several lengths', rows.map((i) => (i === 7 ? [] : [i])), rows.map((i) => (i === 7 ? [] : [i]))],
    [
      'of names',
      rows.map((i) => `user-${10 + i}`),
      {
        same: '066666666656666666665666666666',
        rest: ',user-10,1,2,3,4,5,6,7,8,9,20,1,2,3,4,5,6,7,8,9,30,1,2,3,4,5,6,7,8,9',
      },
    ],
  ])('%s is short', (_, values, packed) => {
    expect(packColumn(values)).toStrictEqual(packed);
  });

  it.each<[string, Json]>([
    ['a number', 3],
    ['nothing', null],
    ['a list of another length', [1]],
    ['an unknown form', { sum: [1, 2] }],
    ['texts with a digit that is none', { same: '0!', rest: ',a,b' }],
    ['texts of several lengths', { same: '000', rest: ',a,b' }],
    ['lists whose places have several lengths', { of: [[1, 2], [1]] }],
  ])('that is %s is refused', (_, packed) => {
    expect(() => unpackColumn(packed, 2)).toThrow('not a column of 2 values');
  });
});
