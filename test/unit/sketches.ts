import { describe, expect, it } from 'vitest';
import {
  type AnyAggregate,
  approxCountDistinct,
  collectSet,
  countDistinct,
  histogram,
  type Json,
  percentiles,
  stddev,
  sum,
  topK,
} from '../../functions/core/aggregates/index.ts';

/** The number of states that are merged through storage, as those of entries are. */
const parts = 20;

/** Adds values to some parts, stores these and merges them. */
function foldedOf<V>(
  aggregate: AnyAggregate<{ readonly v: V }>,
  valueAt: (i: number) => V,
  values: number,
): { result: Json; bytes: number } {
  let merged = aggregate.identity;
  for (let part = 0; part < parts; part++) {
    let state = aggregate.identity;
    for (let i = part; i < values; i += parts) {
      const input = aggregate.input({ v: valueAt(i) }, 0);
      if (input.kind === 'value') state = aggregate.add(state, input.value);
    }
    merged = aggregate.merge(merged, aggregate.decode(JSON.parse(JSON.stringify(aggregate.encode(state)))));
  }
  return { result: aggregate.result(merged), bytes: JSON.stringify(aggregate.encode(merged)).length };
}

/** Numbers in [0, 1) that look random and are the same in each run (mulberry32). */
function uniform(i: number): number {
  let mixed = Math.imul(i + 0x6d2b79f5, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

/** Sketches over so many values. `npm run test:slow` takes a million, `npm test` fewer. */
export function testSketches(records: number): void {
  const folded = <V>(aggregate: AnyAggregate<{ readonly v: V }>, valueAt: (i: number) => V, values = records) =>
    foldedOf(aggregate, valueAt, values);

  describe(`over ${records} values, merged of twenty parts`, () => {
    it.each([
      ['number', (i: number) => i],
      ['text', (i: number) => `user-${i}`],
      ['text that hardly differs', (i: number) => String(i).padStart(30, '0')],
    ])('approxCountDistinct is within three of its standard errors: %s', (_name, valueAt) => {
      for (const distinct of [1, 100, 682, 683, 5000, 60_000, 1_000_000]) {
        if (distinct > records) continue;
        if (distinct === 60_000 && valueAt(0) !== 0) continue;
        const { result, bytes } = folded(
          approxCountDistinct<{ v: number | string }>(({ v }) => v),
          (i) => valueAt(i % distinct),
          distinct <= 5000 ? 50_000 : records,
        );
        const error = distinct <= 682 ? 0 : 3 * 0.01625;
        expect(Math.abs(Number(result) - distinct) / distinct, `${distinct} distinct: ${result}`).toBeLessThanOrEqual(
          error,
        );
        expect(bytes).toBeLessThanOrEqual(4098);
      }
    });

    it('percentiles are within the relative error of the value at their rank', () => {
      // Latencies: most last some milliseconds, few last some seconds.
      const latency = (i: number) => 3 * (1 - uniform(i)) ** -0.7;
      const sorted = Float64Array.from({ length: records }, (_, i) => latency(i)).sort();
      const shares = [0, 0.5, 0.9, 0.99, 0.999, 1];
      const { result, bytes } = folded(percentiles('v', shares), latency);
      const exact = Object.fromEntries(
        shares.map((share) => [
          `p${String(share * 100).replace('.', '_')}`,
          sorted[Math.max(Math.ceil(share * records) - 1, 0)] ?? 0,
        ]),
      );
      expect(Object.keys(result as object)).toStrictEqual(Object.keys(exact).sort());
      for (const [name, value] of Object.entries(exact)) {
        const found = (result as Record<string, number>)[name] ?? Number.NaN;
        expect(Math.abs(found - value) / value, `${name}: ${found}, exactly ${value}`).toBeLessThanOrEqual(0.01 + 1e-9);
      }
      expect(bytes).toBeLessThan(4 * 1024);
    });

    it('topK finds the most frequent values, each too low by its error at most', () => {
      // Zipf's law: the value of rank r occurs in proportion to 1 / r. There are 20,000 values.
      const zipf = (i: number) => `page-${Math.floor(20_000 ** uniform(i))}`;
      const exact = new Map<string, number>();
      for (let i = 0; i < records; i++) exact.set(zipf(i), (exact.get(zipf(i)) ?? 0) + 1);
      const best = [...exact].sort(([, m], [, n]) => n - m).slice(0, 10);
      const { result, bytes } = folded(topK('v', 10, { capacity: 200 }), zipf);
      const { error, items } = result as { error: number; items: { count: number; value: string }[] };
      expect(error).toBeLessThanOrEqual(records / 201);
      expect(items.map(({ value }) => value)).toStrictEqual(best.map(([value]) => value));
      for (const { count, value } of items) {
        expect(count).toBeLessThanOrEqual(exact.get(value) ?? 0);
        expect(count).toBeGreaterThanOrEqual((exact.get(value) ?? 0) - error);
      }
      expect(bytes).toBeLessThan(6 * 1024);
    });

    it('the exact ones are exact', () => {
      expect(folded(countDistinct('v'), (i) => `user-${i % 1000}`).result).toBe(1000);
      expect(folded(countDistinct('v'), (i) => `user-${i % 1001}`, 20_000).result).toStrictEqual({
        atLeast: 1001,
        overflow: true,
      });
      expect(folded(sum('v'), (i) => `${i}.01`, 50_000).result).toBe(25_000 * 49_999 + 500);
      expect(folded(sum('v'), () => '9007199254740993', 10_000).result).toBe('90071992547409930000');
      expect(folded(histogram('v', [10, records / 2]), (i) => i).result).toStrictEqual({
        counts: [10, records / 2 - 10, records / 2],
        edges: [10, records / 2],
      });
      expect(folded(collectSet('v', 3), (i) => i % 3).result).toStrictEqual({ overflow: false, values: [0, 1, 2] });
    });

    it('the standard deviation loses nothing to a mean that is a million million times as great', () => {
      const { result } = folded(stddev('v', 'population'), (i) => 1e12 + (i % 2));
      expect(result).toBe(0.5);
    });
  });

  describe('a sketch', () => {
    it('says so when values span more bins than it has, and keeps the greatest', () => {
      const aggregate = percentiles('v', [0.5, 1]);
      const { result } = folded(aggregate, (i) => (i % 2 === 0 ? 1e-12 : 1e12));
      expect(result).toMatchObject({ overflow: true });
      expect(Math.abs(((result as { p100: number }).p100 - 1e12) / 1e12)).toBeLessThan(0.0101);
    });

    it('takes values of either sign, and zeros', () => {
      const { result } = folded(percentiles('v', [0, 0.5, 1]), (i) => (i % 3) - 1);
      expect(result).toMatchObject({ p50: 0 });
      const { p0, p100 } = result as { p0: number; p100: number };
      expect(Math.abs(p0 + 1)).toBeLessThan(0.0101);
      expect(Math.abs(p100 - 1)).toBeLessThan(0.0101);
    });
  });
}
