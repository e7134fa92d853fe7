import { describe, expect, it } from 'vitest';
import { coverOf, mergesAt, rangeOf, rangeText } from '../../functions/core/log/merge-tree.ts';

describe('segments merge', () => {
  it.each([
    [1, []],
    [7, []],
    [8, [{ from: 1, to: 8 }]],
    [9, []],
    [24, [{ from: 17, to: 24 }]],
    [
      64,
      [
        { from: 57, to: 64 },
        { from: 1, to: 64 },
      ],
    ],
    [
      1024,
      [
        { from: 1017, to: 1024 },
        { from: 961, to: 1024 },
        { from: 513, to: 1024 },
      ],
    ],
  ])('at epoch %d', (epoch, merges) => {
    expect(mergesAt(epoch)).toStrictEqual(merges);
  });
});

describe('a cover', () => {
  const segments = [
    { from: 1, to: 1, name: 'leaf 1' },
    { from: 8, to: 8, name: 'leaf 8' },
    { from: 1, to: 8, name: 'task b' },
    { from: 1, to: 8, name: 'task a' },
    { from: 9, to: 9, name: 'leaf 9' },
    { from: 10, to: 10, name: 'leaf 10' },
  ];
  const names = (through: number) => coverOf(segments, through).map(({ name }) => name);

  it('leaves out what lies in a larger segment, and keeps all tasks of one range in the order given', () => {
    expect(names(9)).toStrictEqual(['task b', 'task a', 'leaf 9']);
  });

  it('leaves out what ends later', () => {
    expect(names(7)).toStrictEqual(['leaf 1']);
    expect(names(0)).toStrictEqual([]);
  });
});

describe('the text of a range', () => {
  it('sorts as the numbers do, and can be read back', () => {
    const ranges = [
      [1, 1],
      [1, 8],
      [9, 9],
      [10, 10],
      [999_999_999_999, 999_999_999_999],
    ] as const;
    const texts = ranges.map(([from, to]) => rangeText(from, to));
    expect(texts[1]).toBe('000000000001-000000000008');
    expect([...texts].sort()).toStrictEqual(texts);
    expect(texts.map(rangeOf)).toStrictEqual(ranges.map(([from, to]) => ({ from, to })));
  });

  it('is refused where it is not one', () => {
    for (const [from, to] of [
      [0, 1],
      [2, 1],
      [1, 1e12],
      [1.5, 2],
    ] as const)
      expect(() => rangeText(from, to)).toThrow(`${from}`);
    for (const text of ['', '1-2', '000000000001', 'x00000000001-000000000001', '000000000001-0000000000010'])
      expect(() => rangeOf(text)).toThrow(/not a range/);
  });
});
