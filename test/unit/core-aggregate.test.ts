import { describe, expect, it } from 'vitest';
import { type AnyAggregate, avg, count, type Json, max, min, sum } from '../../functions/core/aggregates/index.ts';

type Numbers = { readonly n?: number | null | undefined };
const aggregates: Readonly<Record<string, AnyAggregate<Numbers>>> = {
  count: count(),
  sum: sum('n'),
  avg: avg('n'),
  min: min('n'),
  max: max('n'),
};

function resultOf(aggregate: AnyAggregate<Numbers>, events: readonly Numbers[]): Json {
  let state = aggregate.identity;
  for (const event of events) {
    const input = aggregate.input(event, 0);
    if (input.kind === 'refused') throw new Error(input.reason);
    if (input.kind === 'value') state = aggregate.add(state, input.value);
  }
  return aggregate.result(state);
}

function resultsOf(...values: (number | null | undefined)[]): Record<string, Json> {
  const events = values.map((n) => ({ n }));
  return Object.fromEntries(Object.entries(aggregates).map(([name, aggregate]) => [name, resultOf(aggregate, events)]));
}

describe('the aggregates', () => {
  it('give what SQL gives for nothing at all', () => {
    expect(resultsOf()).toStrictEqual({ count: 0, sum: null, avg: null, min: null, max: null });
  });

  it('give what SQL gives when no record has a number: records are counted, numbers are null', () => {
    expect(resultsOf(null, undefined)).toStrictEqual({ count: 2, sum: null, avg: null, min: null, max: null });
    expect(resultOf(sum('n'), [{}])).toBeNull();
  });

  it('leave null out, which is not zero', () => {
    expect(resultsOf(null, 4, undefined, 2)).toStrictEqual({ count: 4, sum: 6, avg: 3, min: 2, max: 4 });
    expect(resultsOf(0)).toStrictEqual({ count: 1, sum: 0, avg: 0, min: 0, max: 0 });
  });

  it('compare numbers by value, whatever their sign and size', () => {
    expect(resultsOf(10, 9, -10, -9)).toMatchObject({ min: -10, max: 10, sum: 0, avg: 0 });
    expect(resultsOf(Number.MIN_VALUE, -Number.MIN_VALUE)).toMatchObject({
      min: -Number.MIN_VALUE,
      max: Number.MIN_VALUE,
    });
    expect(resultsOf(Number.MAX_VALUE, -Number.MAX_VALUE)).toMatchObject({
      min: -Number.MAX_VALUE,
      max: Number.MAX_VALUE,
      sum: 0,
    });
  });

  it('know one zero only, in whichever order its signs come', () => {
    for (const values of [[0, -0], [-0, 0], [-0], [0]])
      for (const result of Object.values(resultsOf(...values))) expect(Object.is(result, -0)).toBe(false);
    expect(resultsOf(-0)).toStrictEqual(resultsOf(0));
  });

  it('sum exactly, and round once', () => {
    expect(resultsOf(...new Array<number>(10).fill(0.1))).toMatchObject({ sum: 1, avg: 0.1 });
    expect(resultsOf(1e16, 1, -1e16)).toMatchObject({ sum: 1, avg: 1 / 3 });
    expect(resultsOf(1e308, 1e308, -1e308)).toMatchObject({ sum: 1e308 });
    expect(resultsOf(1e308, 1e308)).toMatchObject({ avg: 1e308 });
  });

  it.each(['sum', 'avg', 'min', 'max'])('refuse what is no finite number: %s', (name) => {
    const aggregate = aggregates[name];
    for (const n of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      'five',
      '',
      ' 5',
      true,
      [],
      { valueOf: () => 5 },
    ])
      expect(aggregate?.input({ n } as Numbers, 0)).toStrictEqual({
        kind: 'refused',
        reason: expect.stringContaining(name),
      });
  });

  it('take a function in the place of a field', () => {
    expect(
      resultOf(
        sum((event: Numbers) => (event.n ?? 0) * 2),
        [{ n: 1 }, {}, { n: 4 }],
      ),
    ).toBe(10);
  });

  it.each(Object.keys(aggregates))('refuse a corrupt state instead of counting from it: %s', (name) => {
    const aggregate = aggregates[name];
    for (const corrupt of ['', 'x', true, {}, [], [1], ['zz', 1], [1, '2'], ['1p', 1]])
      expect(() => aggregate?.decode(corrupt as Json), JSON.stringify(corrupt)).toThrow();
  });

  it('keep their states as values: adding and merging leave the old ones as they were', () => {
    for (const aggregate of Object.values(aggregates)) {
      const one = aggregate.add(aggregate.identity, 0.5);
      const before = JSON.stringify(aggregate.encode(one));
      aggregate.add(one, 7);
      aggregate.merge(one, aggregate.add(aggregate.identity, 9));
      expect(JSON.stringify(aggregate.encode(one))).toBe(before);
      expect(aggregate.result(aggregate.identity)).toStrictEqual(aggregate.kind === 'count' ? 0 : null);
    }
  });
});
