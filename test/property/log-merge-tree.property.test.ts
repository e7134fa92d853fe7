import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coverOf,
  type EpochRange,
  leafRange,
  membersOf,
  mergesAt,
  rangeText,
} from '../../functions/core/log/merge-tree.ts';

interface Segment extends EpochRange {
  /** Of which task: a range may have several segments. */
  readonly task: number;
  /** The epochs whose data it holds, in the order in which they were merged. */
  readonly holds: readonly number[];
}

/** The segments that stand after some epochs. A merge of a single member is not made: the member stands for it. */
function written(leaves: ReadonlyMap<number, number>, through: number): readonly Segment[] {
  const segments: Segment[] = [];
  for (let epoch = 1; epoch <= through; epoch++) {
    for (let task = 0; task < (leaves.get(epoch) ?? 0); task++)
      segments.push({ ...leafRange(epoch), task, holds: [epoch] });
    for (const range of mergesAt(epoch)) {
      const members = membersOf(segments, range);
      if (members.length > 1) segments.push({ ...range, task: 0, holds: members.flatMap(({ holds }) => holds) });
    }
  }
  return segments;
}

/** For each epoch, how many segments it has of its own; most have none. */
const trees = fc
  .record({
    leaves: fc.array(fc.tuple(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 3 })), { maxLength: 80 }),
    dense: fc.integer({ min: 0, max: 600 }),
    last: fc.integer({ min: 1, max: 600 }),
    through: fc.nat({ max: 600 }),
  })
  .map(({ leaves, dense, last, through }) => ({
    leaves: new Map([...Array.from({ length: dense }, (_, i) => [i + 1, 1] as const), ...leaves]),
    last,
    through: Math.min(through, last),
  }));

describe('the merge tree', () => {
  it('covers everything up to an epoch, each thing once and in the order of epochs', () => {
    fc.assert(
      fc.property(trees, ({ leaves, last, through }) => {
        const cover = coverOf(written(leaves, last), through);
        const expected = [...leaves]
          .filter(([epoch]) => epoch <= through)
          .sort(([left], [right]) => left - right)
          .flatMap(([epoch, tasks]) => Array.from({ length: tasks }, () => epoch));
        expect(cover.flatMap(({ holds }) => holds)).toStrictEqual(expected);
      }),
    );
  });

  it('gives the same cover whatever is merged later, and in whatever order it is read', () => {
    fc.assert(
      fc.property(trees, ({ leaves, last, through }) => {
        const then = coverOf(written(leaves, through), through);
        expect(coverOf(written(leaves, last), through)).toStrictEqual(then);
        const byKey = [...written(leaves, last)].sort((left, right) =>
          rangeText(left.from, left.to) < rangeText(right.from, right.to) ? -1 : 1,
        );
        expect(coverOf(byKey, through)).toStrictEqual(then);
      }),
    );
  });

  it('never has more than 7 segments of a size in a cover, where ranges have one segment each', () => {
    const segments = written(new Map(Array.from({ length: 600 }, (_, i) => [i + 1, 1])), 600);
    for (let through = 0; through <= 600; through++) {
      const sizes = coverOf(segments, through).map(({ from, to }) => to - from + 1);
      for (const size of new Set(sizes)) expect(sizes.filter((one) => one === size).length).toBeLessThan(8);
    }
  });

  it('merges the same members when a part of the merge stands already', () => {
    fc.assert(
      fc.property(trees, ({ leaves, last }) => {
        const segments = written(leaves, last);
        for (const range of mergesAt(last)) {
          const before = segments.filter(({ from, to }) => from !== range.from || to !== range.to);
          expect(membersOf(segments, range)).toStrictEqual(membersOf(before, range));
        }
      }),
    );
  });
});
