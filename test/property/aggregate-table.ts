import {
  type AggregateKind,
  type AnyAggregate,
  approxCountDistinct,
  argMax,
  argMin,
  avg,
  collectSet,
  count,
  countDistinct,
  countIf,
  defineAggregate,
  first,
  histogram,
  last,
  max,
  min,
  percentiles,
  stddev,
  sum,
  topK,
  variance,
} from '../../functions/core/aggregates/index.ts';

/** An event with a value for every aggregate. */
export interface Sample {
  readonly time: number;
  readonly n?: number | null;
  readonly text?: string | number | boolean | null;
  readonly amount?: string | number | null;
}

/**
 * An aggregate of every kind, with bounds so low that a handful of events exceeds them. The laws are checked over this
 * one table.
 */
export const everyAggregate: Readonly<Record<AggregateKind | 'own', AnyAggregate<Sample>>> = {
  count: count(),
  countIf: countIf((event: Sample) => (event.n ?? 0) > 0),
  sum: sum('amount'),
  avg: avg('amount'),
  min: min('n'),
  max: max('n'),
  variance: variance('n'),
  stddev: stddev('n', 'population'),
  first: first('text'),
  last: last('text'),
  argMin: argMin('text', 'n'),
  argMax: argMax('text', 'n'),
  countDistinct: countDistinct('text', { upTo: 3 }),
  approxCountDistinct: approxCountDistinct('text', { relativeError: 0.2 }),
  collectSet: collectSet('text', 3),
  percentiles: percentiles('n', [0.5, 0.999, 1], { relativeError: 0.1 }),
  // Its capacity is not exceeded here. Its behaviour beyond the capacity has tests of its own.
  topK: topK('text', 3, { capacity: 1000 }),
  histogram: histogram('n', [-1, 0, 2.5]),
  own: defineAggregate({
    name: 'longestText',
    identity: { longest: '' },
    add: (state, { text }: Sample) => {
      const other = String(text ?? '');
      if (longer(other, state.longest)) state.longest = other;
      return state;
    },
    merge: (left, right) => (longer(right.longest, left.longest) ? right : left),
    encode: ({ longest }) => longest,
    decode: (json) => ({ longest: String(json) }),
    result: ({ longest }) => ({ text: longest, length: longest.length }),
    mostBytes: 40,
  }),
};

function longer(left: string, right: string): boolean {
  return left.length === right.length ? left > right : left.length > right.length;
}
