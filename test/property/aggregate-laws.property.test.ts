import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../functions/core/aggregates/canonical-json.ts';
import {
  type AnyAggregate,
  aggregateKinds,
  type Json,
  smallStateBytes,
  topK,
} from '../../functions/core/aggregates/index.ts';
import { isAmbiguous } from '../../functions/core/events/exact-number.ts';
import { everyAggregate, type Sample } from './aggregate-table.ts';

const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(0, -0, 0.1, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53, 1e-9, 1e9),
);
const texts = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'c',
    'd',
    '',
    '1',
    '#',
    'é',
    '😀',
    '__proto__',
    'x'.repeat(30),
    'y'.repeat(300),
    'z'.repeat(2000),
  ),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.integer({ min: 0, max: 40 }),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !isAmbiguous(number)),
);
const amounts = fc.oneof(
  numbers,
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat({ max: 999 }))
    .map(([whole, fraction]) => `${whole}.${fraction}`),
);
const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 8 });
const events: fc.Arbitrary<Sample> = fc.record({
  time: fc.integer({ min: -3, max: 3 }),
  n: orNull(numbers),
  text: orNull(texts),
  amount: orNull(amounts),
});
const lists = fc.array(events, { maxLength: 8 });
const longLists = fc.array(events, { maxLength: 60 });

function stateOf(aggregate: AnyAggregate<Sample>, of: readonly Sample[]): unknown {
  return of.reduce<unknown>((state, event) => {
    const input = aggregate.input(event, event.time);
    if (input.kind === 'refused') throw new Error(input.reason);
    return input.kind === 'value' ? aggregate.add(state, input.value) : state;
  }, aggregate.identity);
}

/** The bytes of a state. States with equal bytes are equal, which is stricter than equal results. */
function bytes(aggregate: AnyAggregate<Sample>, state: unknown): string {
  return JSON.stringify(aggregate.encode(state));
}

/** The state after an item has stored it. */
function stored(aggregate: AnyAggregate<Sample>, state: unknown): unknown {
  return aggregate.decode(JSON.parse(bytes(aggregate, state)) as Json);
}

it('the laws are checked for every kind there is', () => {
  expect(Object.keys(everyAggregate)).toStrictEqual([...Object.keys(aggregateKinds), 'own']);
});

describe.each(Object.entries(everyAggregate))('%s', (_kind, aggregate) => {
  it('merges commutatively and associatively with an identity, to the byte, through storage', () => {
    fc.assert(
      fc.property(lists, longLists, lists, (x, y, z) => {
        const [a, b, c] = [x, y, z].map((list) => stored(aggregate, stateOf(aggregate, list)));
        const merged = (left: unknown, right: unknown) => stored(aggregate, aggregate.merge(left, right));
        expect(bytes(aggregate, merged(a, b))).toBe(bytes(aggregate, merged(b, a)));
        expect(bytes(aggregate, merged(merged(a, b), c))).toBe(bytes(aggregate, merged(a, merged(b, c))));
        expect(bytes(aggregate, merged(a, aggregate.identity))).toBe(bytes(aggregate, a));
        expect(bytes(aggregate, merged(aggregate.identity, a))).toBe(bytes(aggregate, a));
      }),
    );
  });

  it('is, merged of parts, the fold of the whole, in any order and with nothing stored between', () => {
    const shuffled = longLists.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, fc.nat(), ([list, other], at) => {
        const cut = at % (list.length + 1);
        const parts = aggregate.merge(stateOf(aggregate, other.slice(0, cut)), stateOf(aggregate, other.slice(cut)));
        const whole = stateOf(aggregate, list);
        expect(bytes(aggregate, parts)).toBe(bytes(aggregate, whole));
        expect(JSON.stringify(aggregate.result(stored(aggregate, parts)))).toBe(
          JSON.stringify(aggregate.result(whole)),
        );
      }),
    );
  });

  it('encodes what it decodes, within its bound, and leaves states that are merged, encoded and read as they were', () => {
    fc.assert(
      fc.property(longLists, lists, (x, y) => {
        const [a, b] = [stateOf(aggregate, x), stored(aggregate, stateOf(aggregate, y))];
        const [before, other] = [bytes(aggregate, a), bytes(aggregate, b)];
        expect(Buffer.byteLength(before)).toBeLessThanOrEqual(aggregate.mostBytes ?? smallStateBytes);
        expect(bytes(aggregate, stored(aggregate, a))).toBe(before);
        aggregate.merge(a, b);
        aggregate.merge(b, a);
        aggregate.result(a);
        expect([bytes(aggregate, a), bytes(aggregate, b)]).toStrictEqual([before, other]);
        expect(bytes(aggregate, aggregate.identity)).toBe(bytes(aggregate, stateOf(aggregate, [])));
      }),
    );
  });

  it('gives results that JSON and a table keep as they are, and states back where a result loses nothing', () => {
    fc.assert(
      fc.property(longLists, (list) => {
        const state = stateOf(aggregate, list);
        const result = aggregate.result(state);
        expect(JSON.stringify(canonicalJson(JSON.parse(JSON.stringify(result)) as Json))).toBe(JSON.stringify(result));
        if (aggregate.stateOf !== undefined)
          expect(bytes(aggregate, aggregate.stateOf(result))).toBe(bytes(aggregate, state));
      }),
    );
  });

  it('refuses a corrupt state instead of counting from it', () => {
    const corrupt = [true, { a: 1 }, [[[]]], '?', ['a', 'a', {}], [0, [1, 0], []]];
    // Any text or JSON may be the state of a user-defined aggregate, as far as others can tell.
    const kept =
      aggregate === everyAggregate.own ? corrupt.filter((json) => !Array.isArray(json) || json.length > 1) : corrupt;
    for (const json of kept) expect(() => aggregate.decode(json as Json), JSON.stringify(json)).toThrow();
  });
});

describe('topK beyond its capacity', () => {
  const capacity = 4;
  const aggregate = topK<Sample>(({ text }) => text, capacity, { capacity });
  const skewed = fc.array(
    fc.integer({ min: 0, max: 12 }).map((value) => ({ time: 0, text: Math.floor(value ** 2 / 12) })),
    { maxLength: 80 },
  );
  /** The order in which states are merged, as numbers: in a row, or by pairs. */
  const orders = fc.array(fc.nat({ max: 100 }), { minLength: 12, maxLength: 12 });

  it('is never too high, and too low by at most its error, which is at most a share of all records, in whatever order it is merged', () => {
    fc.assert(
      fc.property(fc.array(skewed, { minLength: 1, maxLength: 6 }), orders, (parts, order) => {
        const states = parts.map((part) => stored(aggregate, stateOf(aggregate, part)));
        for (const at of order) {
          if (states.length < 2) break;
          const [one] = states.splice(at % states.length, 1);
          const other = at % states.length;
          states[other] = stored(aggregate, aggregate.merge(one, states[other]));
        }
        const merged = states.reduce((left, right) => aggregate.merge(left, right));
        const { error, items, overflow } = aggregate.result(merged) as {
          error: number;
          items: { count: number; value: number }[];
          overflow: boolean;
        };
        const all = parts.flat();
        const counts = new Map<number, number>();
        for (const { text } of all) counts.set(text, (counts.get(text) ?? 0) + 1);
        expect(error).toBeLessThanOrEqual(all.length / (capacity + 1));
        expect(overflow).toBe(error > 0);
        for (const [value, true_] of counts) {
          const counted = items.find((item) => item.value === value)?.count ?? 0;
          expect(counted).toBeLessThanOrEqual(true_);
          expect(counted).toBeGreaterThanOrEqual(true_ - error);
        }
        if (counts.size <= capacity) expect(error).toBe(0);
      }),
    );
  });

  it('merges commutatively to the byte all the same', () => {
    fc.assert(
      fc.property(skewed, skewed, (x, y) => {
        const [a, b] = [stateOf(aggregate, x), stateOf(aggregate, y)];
        expect(bytes(aggregate, aggregate.merge(a, b))).toBe(bytes(aggregate, aggregate.merge(b, a)));
      }),
    );
  });
});
