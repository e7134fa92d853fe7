import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type AnyAggregate, avg, count, max, min, sum } from '../../functions/core/aggregates/index.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import type { KeyText } from '../../functions/core/events/group-key.ts';
import { createFold } from '../../functions/core/fold/fold.ts';
import { decodePartials, encodePartials, mergeInto, type PartialAggregate } from '../../functions/core/fold/partial.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { sortedRows } from '../../functions/core/fold/window-result.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';

type Numbers = { readonly n?: number | null | undefined };

const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(0, -0, 0.1, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE),
);
const values = fc.option(numbers, { nil: null });
const lists = fc.array(values, { maxLength: 8 });

function stateOf(aggregate: AnyAggregate<Numbers>, of: readonly (number | null)[]): unknown {
  return of.reduce<unknown>((state, n) => {
    const input = aggregate.input({ n }, 0);
    return input.kind === 'value' ? aggregate.add(state, input.value) : state;
  }, aggregate.identity);
}

describe('partial aggregates', () => {
  const pipeline = definePipeline({
    name: 'merging',
    event: z.object({ time: z.number(), who: z.union([z.string(), z.number(), z.null()]), n: z.number().nullish() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    queries: {
      keyed: {
        where: (event) => event.n !== 3,
        groupBy: ['who'],
        window: tumbling({ ms: 10 }, { offset: { ms: 3 } }),
        aggregates: { count: count(), total: sum('n'), mean: avg('n'), least: min('n'), most: max('n') },
      },
      all: { window: tumbling({ ms: 25 }), aggregates: { total: sum('n') } },
    },
  });
  const events = fc.record({
    time: fc.integer({ min: -60, max: 60 }),
    who: fc.constantFrom('a', 'b', '1', '__proto__', '😀', 1, null),
    n: fc.option(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: -1e3, max: 1e3, noNaN: true }))),
  });
  type Event = typeof events extends fc.Arbitrary<infer T> ? T : never;

  /** Folds batches one by one into stored partial aggregates, and gives the rows of every slice. */
  function rowsOf(batches: readonly (readonly Event[])[]): unknown {
    const stored = new Map<string, string>();
    for (const batch of batches) {
      const fold = createFold();
      for (const each of batch) {
        const read = eventReader(pipeline).text(JSON.stringify(each), 1000);
        if (read.outcome === 'rejected') throw new Error(read.detail);
        for (const query of pipeline.queries) {
          const key = read.keys[query.index];
          if (key !== undefined) fold.add(query, key, read.inputs[query.index] ?? [], read.time);
        }
      }
      for (const { query, slice, keys } of fold.slices) {
        const name = `${query.name}#${slice}`;
        const merged: Map<KeyText, PartialAggregate> = decodePartials(query, stored.get(name) ?? '[]');
        mergeInto(
          query,
          merged,
          [...keys].map(([key, { states }]) => [key, states] as const),
        );
        stored.set(name, encodePartials(query, merged));
      }
    }
    return [...stored]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, text]) => [
        name,
        pipeline.queries
          .filter((query) => name.startsWith(`${query.name}#`))
          .flatMap((query) => sortedRows(query, decodePartials(query, text))),
      ]);
  }

  /**
   * The expected counts by the definition: a window starts at a multiple of its size (floored division), and each group
   * has a count.
   */
  function expectedCounts(list: readonly Event[]): unknown {
    const groups = new Map<string, number>();
    for (const { time, who, n } of list) {
      if (n === 3) continue;
      const start = time - ((((time - 3) % 10) + 10) % 10);
      const name = JSON.stringify([`keyed#${start}`, who]);
      groups.set(name, (groups.get(name) ?? 0) + 1);
    }
    return new Map([...groups].sort());
  }

  it('are the same whatever the batches and the order, and count every event once', () => {
    const runs = fc
      .array(events, { maxLength: 30 })
      .chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray(list, { minLength: list.length }),
          fc.integer({ min: 1, max: 8 }),
        ),
      );
    fc.assert(
      fc.property(runs, ([list, other, size]) => {
        const batches = Array.from({ length: Math.ceil(other.length / size) }, (_, i) =>
          other.slice(i * size, (i + 1) * size),
        );
        const whole = rowsOf([list]) as [string, { key: { who?: unknown }; values: { count?: number } }[]][];
        expect(rowsOf(batches)).toStrictEqual(whole);
        const counted = whole
          .filter(([name]) => name.startsWith('keyed#'))
          .flatMap(([name, rows]) =>
            rows.map(({ key, values: { count: n } }) => [JSON.stringify([name, key.who]), n] as const),
          );
        expect(new Map([...counted].sort())).toStrictEqual(expectedCounts(list));
      }),
    );
  });

  it('survive encoding with the keys they had', () => {
    const [keyed] = pipeline.queries;
    if (keyed === undefined) throw new Error('no query');
    const keys = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(keys, lists, (names, list) => {
        const states = keyed.aggregates.map((aggregate) => stateOf(aggregate, list));
        const partials = new Map(names.map((name) => [JSON.stringify([name]), states] as const));
        const text = encodePartials(keyed, partials);
        const decoded = decodePartials(keyed, text);
        expect([...decoded.keys()]).toStrictEqual([...partials.keys()]);
        expect(encodePartials(keyed, decoded)).toBe(text);
      }),
    );
  });
});
