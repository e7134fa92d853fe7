import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyAggregate,
  aggregateKinds,
  approxCountDistinct,
  argMax,
  argMin,
  avg,
  collectSet,
  countDistinct,
  countIf,
  defineAggregate,
  first,
  histogram,
  type Json,
  last,
  percentiles,
  stddev,
  sum,
  topK,
  variance,
} from '../../functions/core/aggregates/index.ts';

function resultOf<Event>(
  aggregate: AnyAggregate<Event>,
  events: readonly (readonly [event: Event, time?: number])[],
): Json {
  let state = aggregate.identity;
  for (const [event, time = 0] of events) {
    const input = aggregate.input(event, time);
    if (input.kind === 'refused') throw new Error(input.reason);
    if (input.kind === 'value') state = aggregate.add(state, input.value);
  }
  return aggregate.result(aggregate.decode(JSON.parse(JSON.stringify(aggregate.encode(state)))));
}

type Amounts = { readonly n?: number | bigint | string | null };
const of = (...values: readonly (number | bigint | string | null)[]) => values.map((n) => [{ n }] as const);
const summed = (...values: readonly (number | bigint | string | null)[]) => resultOf<Amounts>(sum('n'), of(...values));

describe('sum and avg', () => {
  it('lose no digit of whole numbers beyond 2^53, as numbers, bigints or text', () => {
    expect(summed(2 ** 53 - 1, 2)).toBe('9007199254740993');
    expect(summed(9007199254740993n, 1n)).toBe('9007199254740994');
    expect(summed('9007199254740993', '-1')).toBe('9007199254740992');
    expect(summed('9007199254740993', -9007199254740000)).toBe(993);
    expect(summed('123456789012345678901234567890', 1)).toBe('123456789012345678901234567891');
  });

  it('add decimals in text as decimals, and are numbers where a double prints the same', () => {
    expect(summed('0.1', '0.2')).toBe(0.3);
    expect(summed('0.10', '-0.1')).toBe(0);
    expect(summed('1e3', '2.5E-1', '+7')).toBe(1007.25);
    expect(summed('1234567890123456.25', '0.5')).toBe('1234567890123456.75');
    expect(summed('0.1', null, '0.00000000000000000001')).toBe('0.10000000000000000001');
  });

  it('are the nearest double where a float is among them: exact until then', () => {
    expect(summed(0.1, 0.2)).toBe(0.1 + 0.2);
    expect(summed(0.5, '0.5')).toBe(1);
    expect(summed(1e16, 1, '-1e16')).toBe(1);
    expect(summed(0.5, 0.5, '9007199254740993')).toBe(9007199254740994);
    expect(resultOf<Amounts>(avg('n'), of('0.1', '0.2', '0.3'))).toBe(0.2);
    expect(resultOf<Amounts>(avg('n'), of('9007199254740993', '9007199254740995'))).toBe(9007199254740994);
  });

  it('refuse text that is no decimal number', () => {
    for (const n of [
      '',
      ' 1',
      '1 ',
      '0x10',
      '1_000',
      '1,5',
      'NaN',
      'Infinity',
      '.',
      '1.',
      '.5',
      '1e1000',
      '9'.repeat(101),
      10n ** 100n,
    ])
      expect(sum('n').input({ n } as never, 0), String(n)).toMatchObject({ kind: 'refused' });
  });

  it('add any decimals as whole numbers of their last place do', () => {
    const decimals = fc.array(
      fc.tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 12 })),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(decimals, (list) => {
        const text = ([unscaled, scale]: (typeof list)[number]) => {
          const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
          return `${unscaled < 0n ? '-' : ''}${digits.slice(0, digits.length - scale)}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
        };
        const exact = list.reduce((total, [unscaled, scale]) => total + unscaled * 10n ** BigInt(12 - scale), 0n);
        const expected = text([exact, 12]).replace(/\.?0+$/, '');
        const result = summed(...list.map(text));
        const shown =
          typeof result === 'number' ? Number(expected === '' || expected === '-' ? '0' : expected) : expected;
        expect(result).toBe(shown);
      }),
    );
  });
});

describe('variance and stddev', () => {
  it('are those of a sample unless told, and of nothing null', () => {
    const values = [2, 4, 4, 4, 5, 5, 7, 9].map((n) => [{ n }] as const);
    expect(resultOf(variance('n', 'population'), values)).toBe(4);
    expect(resultOf(stddev('n', 'population'), values)).toBe(2);
    expect(resultOf(variance('n'), values)).toBe(32 / 7);
    expect(resultOf(variance('n'), [[{ n: 1 }]])).toBeNull();
    expect(resultOf(variance('n', 'population'), [[{ n: 1 }]])).toBe(0);
    expect(resultOf(stddev('n', 'population'), [])).toBeNull();
  });

  it('are right where squares are beyond every double, and where means hide the differences', () => {
    expect(resultOf(stddev('n', 'population'), [[{ n: 1e200 }], [{ n: -1e200 }]])).toBe(1e200);
    expect(resultOf(variance('n', 'population'), [[{ n: 1e200 }], [{ n: -1e200 }]])).toBe('Infinity');
    expect(resultOf(stddev('n', 'population'), [[{ n: 3e-200 }], [{ n: -3e-200 }]])).toBe(3e-200);
    expect(resultOf(variance('n'), [[{ n: 1e15 + 1 }], [{ n: 1e15 + 2 }], [{ n: 1e15 + 3 }]])).toBe(1);
    expect(resultOf(variance('n'), [[{ n: 0.1 }], [{ n: 0.1 }], [{ n: 0.1 }]])).toBe(0);
  });

  it('are right wherever the result is a double, up to the greatest and down to the least', () => {
    const spread = (...values: readonly number[]) => values.map((n) => [{ n }] as const);
    // Calculated with exact fractions and 80 digits.
    expect(resultOf(stddev('n'), spread(1.7e308, -1e308, -1e308))).toBe(1.5588457268119896e308);
    expect(resultOf(stddev('n', 'population'), spread(Number.MAX_VALUE, -Number.MAX_VALUE))).toBe(Number.MAX_VALUE);
    expect(resultOf(stddev('n'), spread(Number.MAX_VALUE, -Number.MAX_VALUE))).toBe('Infinity');
    expect(resultOf(stddev('n', 'population'), spread(2 ** 1023, -(2 ** 1023)))).toBe(2 ** 1023);
    expect(resultOf(stddev('n', 'population'), spread(5e-324, -5e-324))).toBe(5e-324);
    // sqrt(2) x 5e-324 is nearer to one least double than to two. sqrt(2) x 3 of them, 4.24, is nearest to four.
    expect(resultOf(stddev('n'), spread(5e-324, -5e-324))).toBe(5e-324);
    expect(resultOf(stddev('n'), spread(1.5e-323, -1.5e-323))).toBe(2e-323);
    expect(resultOf(stddev('n'), spread(1e15 + 1, 1e15 + 2, 1e15 + 3))).toBe(1);
    expect(resultOf(stddev('n'), spread(1, 2, 3, 4))).toBe(1.2909944487358056);
  });
});

describe('first, last, argMin and argMax', () => {
  const reading = (sensor: string | null, degrees: number | null) => ({ sensor, degrees });
  const readings = [
    [reading('b', 20), 5],
    [reading('a', 20), 3],
    [reading('d', 25), 9],
    [reading('c', 20), 3],
    [reading(null, 99), 1],
    [reading('e', null), 11],
  ] as const;

  it('go by event time, and equal times by the value: whatever comes first', () => {
    for (const order of [readings, [...readings].reverse()]) {
      expect(resultOf(first('sensor'), order)).toBe('a');
      expect(resultOf(last('sensor'), order)).toBe('e');
      expect(resultOf(argMin('sensor', 'degrees'), order)).toBe('a');
      expect(resultOf(argMax('sensor', 'degrees'), order)).toBe('d');
    }
    expect(resultOf(first('sensor'), [])).toBeNull();
  });

  it('show the length of a value that is too long to keep', () => {
    const text = 'é'.repeat(700);
    expect(
      resultOf(first('text'), [
        [{ text }, 1],
        [{ text: 'short' }, 2],
      ]),
    ).toStrictEqual({ bytes: 1402, overflow: true });
    expect(
      resultOf(last('text'), [
        [{ text }, 1],
        [{ text: 'short' }, 2],
      ]),
    ).toBe('short');
    expect(resultOf(first('text'), [[{ text: 'x'.repeat(1000) }, 1]])).toBe('x'.repeat(1000));
  });

  it('refuse what no table holds', () => {
    for (const text of ['\ud800', {}, [], Number.NaN, 5n])
      expect(first('text').input({ text } as never, 0)).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('first'),
      });
  });
});

describe('sets', () => {
  const texts = (...values: readonly (string | number | boolean | null)[]) => values.map((v) => [{ v }] as const);

  it('tell types apart, and long values by their digest', () => {
    const long = 'x'.repeat(5000);
    expect(resultOf(countDistinct('v'), texts('1', 1, true, 'true', null, 1, long, `${long}y`, long))).toBe(6);
    expect(resultOf(countDistinct('v', { upTo: 2 }), texts('a', 'b', 'a'))).toBe(2);
    expect(resultOf(countDistinct('v', { upTo: 2 }), texts('a', 'b', 'c'))).toStrictEqual({
      atLeast: 3,
      overflow: true,
    });
    expect(resultOf(approxCountDistinct('v'), texts('1', 1, true, 'true', null, 1, long, `${long}y`, long))).toBe(6);
  });

  it('are shown in order, null left out, the shortest when there are too many', () => {
    expect(resultOf(collectSet('v', 5), texts('b', 10, 9, true, null, 'a'))).toStrictEqual({
      overflow: false,
      values: [true, 9, 10, 'a', 'b'],
    });
    expect(resultOf(collectSet('v', 2), texts('long', 'b', 'a', 'c'))).toStrictEqual({
      overflow: true,
      values: ['a', 'b'],
    });
    const { values } = resultOf(collectSet('v', 5), texts('x'.repeat(500))) as { values: string[] };
    expect(values).toStrictEqual([expect.stringMatching(/^x{200}\.\.\.#[\w-]{22}$/)]);
  });

  it('are cut at 16 KB, whatever their number', () => {
    const { overflow, values } = resultOf(
      collectSet('v', 1000),
      texts(...Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(190, '.'))),
    ) as {
      overflow: boolean;
      values: string[];
    };
    expect({ overflow, count: values.length }).toStrictEqual({ overflow: true, count: Math.floor((16 * 1024) / 192) });
  });

  it('count the most frequent, in the order of their counts and then of their text', () => {
    const events = texts('b', 'a', 'c', 'c', 'b', 'd', null);
    expect(resultOf(topK('v', 3), events)).toStrictEqual({
      error: 0,
      items: [
        { count: 2, value: 'b' },
        { count: 2, value: 'c' },
        { count: 1, value: 'a' },
      ],
      overflow: false,
    });
    expect(resultOf(topK('v', 3), [])).toStrictEqual({ error: 0, items: [], overflow: false });
  });

  it('orders values that come equally often as collectSet and keys are ordered', () => {
    const values = ['b', 10, 9, -1, 1e21, '10', '9', true, false, 0.5, 'a'];
    const events = values.map((v) => [{ v }] as const);
    const sorted = [false, true, -1, 0.5, 9, 10, 1e21, '10', '9', 'a', 'b'];
    const { items } = resultOf(topK('v', 20), events) as { items: { value: unknown }[] };
    expect(items.map(({ value }) => value)).toStrictEqual(sorted);
    expect(resultOf(collectSet('v', 20), events)).toStrictEqual({ overflow: false, values: sorted });
    // The same order decides which of several equal ones are shown.
    const first = resultOf(topK('v', 3), events) as { items: { value: unknown }[] };
    expect(first.items.map(({ value }) => value)).toStrictEqual(sorted.slice(0, 3));
  });

  it('countDistinct holds as many as the documents say, of whatever text', () => {
    const aggregate = countDistinct('v', { upTo: 4000 });
    const values = Array.from({ length: 4000 }, (_, i) => `\u{1F30A}\u6F6E${i}, a text that is held by its hash`);
    expect(resultOf(aggregate, texts(...values))).toBe(4000);
    let state = aggregate.identity;
    for (const v of values) {
      const input = aggregate.input({ v }, 0);
      if (input.kind === 'value') state = aggregate.add(state, input.value);
    }
    expect(Buffer.byteLength(JSON.stringify(aggregate.encode(state)))).toBeLessThanOrEqual(aggregate.mostBytes ?? 0);
    expect(aggregate.mostBytes).toBeLessThan(150_000);
    expect(resultOf(aggregate, texts(...values, 'one more'))).toStrictEqual({ atLeast: 4001, overflow: true });
  });
});

describe('countIf, histogram and percentiles', () => {
  it('count what a condition holds for', () => {
    expect(
      resultOf(
        countIf((event: { ok: boolean }) => event.ok),
        [[{ ok: true }], [{ ok: false }], [{ ok: true }]],
      ),
    ).toBe(2);
  });

  it('count between edges, the edge itself above', () => {
    const values = [-5, 0, 9.99, 10, 100, 1e9].map((n) => [{ n }] as const);
    expect(resultOf(histogram('n', [0, 10, 100]), values)).toStrictEqual({ counts: [1, 2, 1, 2], edges: [0, 10, 100] });
    expect(resultOf(histogram('n', [0]), [])).toStrictEqual({ counts: [0, 0], edges: [0] });
  });

  it('name percentiles so that SQL takes the names', () => {
    expect(Object.keys(resultOf(percentiles('n', [0.5, 0.999, 0.05, 1]), [[{ n: 1 }]]) as object)).toStrictEqual([
      'p100',
      'p5',
      'p50',
      'p99_9',
    ]);
    expect(resultOf(percentiles('n', [0.5]), [])).toBeNull();
  });

  it('give the values themselves at the ends, and nothing beyond them', () => {
    const of = (shares: readonly number[], ...values: readonly number[]) =>
      resultOf(
        percentiles('n', shares),
        values.map((n) => [{ n }]),
      );
    for (const only of [100, -0.3, 5e-324, Number.MAX_VALUE, 0])
      expect(of([0, 0.5, 1], only)).toStrictEqual({ p0: only, p100: only, p50: only });
    expect(of([0.01, 0.5, 0.99], 7, 7, 7)).toStrictEqual({ p1: 7, p50: 7, p99: 7 });
    expect(of([0.01, 0.5, 0.99], 100, 100.1, 100.2)).toMatchObject({ p1: 100, p99: 100.2 });
    expect(Number((of([0.5], 100, 100.1, 100.2) as { p50: number }).p50)).toBeGreaterThanOrEqual(100);
  });

  it('take the rank of percentile_disc in SQL, of n values the one at place ceil(share n)', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => [{ n: i + 1 }] as const);
    const near = { relativeError: 0.005 };
    for (const [share, place] of [
      [0.07, 7],
      [0.071, 8],
      [0.5, 50],
      [0.29, 29],
      [0.9, 90],
      [0.901, 91],
    ] as const) {
      const [value] = Object.values(resultOf(percentiles('n', [share], near), hundred) as Record<string, number>);
      expect(Math.round(value ?? 0), String(share)).toBe(place);
    }
    expect(resultOf(percentiles('n', [0.5]), [[{ n: 1 }], [{ n: 3 }]])).toStrictEqual({ p50: 1 });
  });
});

describe('an aggregate of one’s own', () => {
  const product = {
    name: 'product',
    identity: 1,
    add: (state: number, { n }: { n: number }) => {
      if (n === 0) throw new Error('no zero');
      return state * n;
    },
    merge: (left: number, right: number) => left * right,
    encode: (state: number) => state,
    decode: Number,
    result: (state: number) => ({ times: state, product: true }),
  };

  it('has results in the order of their members', () => {
    expect(JSON.stringify(resultOf(defineAggregate(product), [[{ n: 2 }], [{ n: 3 }]]))).toBe(
      '{"product":true,"times":6}',
    );
    expect(JSON.stringify(resultOf(defineAggregate(product), []))).toBe('{"product":true,"times":1}');
  });

  it('throws for an event before it is applied, so that the event is rejected', () => {
    expect(() => defineAggregate(product).input({ n: 0 }, 0)).toThrow('no zero');
  });

  it('shares no state with another, though its functions change what they are given', () => {
    const list = defineAggregate({
      identity: [] as string[],
      add(state, { text }: { text: string }) {
        state.push(text);
        return state;
      },
      merge(left, right) {
        left.push(...right);
        return left;
      },
      encode: (state) => [...state].sort(),
      decode: (json) => [...(json as string[])],
      result: (state) => state.length,
      mostBytes: 16,
    });
    const one = list.add(list.identity, { event: { text: 'a' }, time: 0 });
    const other = list.add(list.identity, { event: { text: 'b' }, time: 0 });
    const merged = list.merge(one, other);
    expect([list.identity, one, other, merged].map((state) => list.result(state))).toStrictEqual([0, 1, 1, 2]);
    expect(list.result(list.merge(merged, list.merge(merged, merged)))).toStrictEqual({ overflow: 'size' });
    expect(list.result(list.merge(list.decode({ overflow: 'size' }), one))).toStrictEqual({ overflow: 'size' });
  });

  it('is lost for good, and blocks nobody, when a function throws on a state', () => {
    const fussy = defineAggregate({
      ...product,
      merge: (left: number, right: number) => {
        if (left * right > 100) throw new Error('too much');
        return left * right;
      },
    });
    const ten = fussy.add(fussy.identity, { event: { n: 20 }, time: 0 });
    const lost = fussy.merge(ten, ten);
    expect(fussy.result(lost)).toStrictEqual({ overflow: 'threw' });
    expect(fussy.encode(fussy.merge(ten, lost))).toStrictEqual({ overflow: 'threw' });
  });
});

describe('docs/AGGREGATES.md', () => {
  it('has a row for every kind', async () => {
    const { readFileSync } = await import('node:fs');
    const text = readFileSync(new URL('../../docs/AGGREGATES.md', import.meta.url), 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('| `'));
    for (const kind of [...Object.keys(aggregateKinds), 'defineAggregate'])
      expect(
        rows.some((row) => row.includes(`\`${kind}(`)),
        kind,
      ).toBe(true);
  });
});
