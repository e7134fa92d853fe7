import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AnyAggregate, Json } from '../../functions/core/aggregates/index.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import type { Query, QuerySpec } from '../../functions/core/definition/pipeline.ts';
import { isAmbiguous } from '../../functions/core/events/exact-number.ts';
import { identityOf, mergePartial, type PartialAggregate } from '../../functions/core/fold/partial.ts';
import {
  type Block,
  blocksWithin,
  cutBlock,
  decodeBlock,
  encodeBlock,
  recordsOf,
  type SlicePart,
  slicesOf,
} from '../../functions/core/log/block.ts';
import { laneOf } from '../../functions/core/log/lane.ts';
import type { KeyedPartial } from '../../functions/core/sessions/join.ts';
import { session } from '../../functions/core/windows/session.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import { everyAggregate, type Sample } from './aggregate-table.ts';

function queryOf(spec: Pick<QuerySpec<Sample>, 'groupBy' | 'window'>, names: readonly string[]): Query {
  const table: Readonly<Record<string, AnyAggregate<Sample>>> = everyAggregate;
  const { queries } = definePipeline({
    name: 'blocks',
    event: z.custom<Sample>(),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    queries: {
      sample: {
        ...spec,
        aggregates: Object.fromEntries(names.flatMap((name) => (table[name] ? [[name, table[name]]] : []))),
      },
    },
  });
  const [query] = queries;
  if (query === undefined) throw new Error('no query');
  return query;
}

const groupings: readonly QuerySpec<Sample>['groupBy'][] = [
  {},
  { one: ({ text }) => text },
  { one: ({ text }) => text, two: ({ n }) => n, three: () => null },
];
const queries = fc
  .record({
    groupBy: fc.constantFrom(...groupings),
    window: fc.constantFrom(tumbling({ ms: 10 }), session({ ms: 10 })),
    names: fc.oneof(
      fc.constantFrom(...Object.keys(everyAggregate)).map((name) => [name]),
      fc.subarray(Object.keys(everyAggregate), { minLength: 1, maxLength: 5 }),
    ),
  })
  .map(({ groupBy, window, names }) => queryOf(groupBy === undefined ? { window } : { groupBy, window }, names));

const texts = fc.oneof(
  fc.constantFrom('a', 'b', '', '1', 'é', '😀', '😁', '__proto__', 'constructor', 'y'.repeat(100), ',;|', '\n', '"'),
  fc.nat({ max: 99 }).map((i) => `user-${i}`),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const numbers = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer({ min: 1_469_501_107_000, max: 1_469_501_108_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !isAmbiguous(number)),
  fc.constantFrom(0, -0, 0.1, Number.MAX_VALUE, Number.MIN_VALUE, Number.MAX_SAFE_INTEGER),
);
const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 8 });
const events: fc.Arbitrary<Sample> = fc.record({
  time: fc.integer({ min: -3, max: 3 }),
  n: nullable(numbers),
  text: nullable(texts),
  amount: nullable(fc.oneof(numbers, fc.integer().map(String))),
});
/** Columns are packed where they are long, and are often of one type. */
const lists = fc.oneof(
  fc.array(events, { maxLength: 8 }),
  fc.array(events, { minLength: 24, maxLength: 60 }),
  fc.array(fc.record({ time: fc.nat({ max: 3 }), n: fc.nat({ max: 40 }), text: texts, amount: fc.nat() }), {
    minLength: 24,
    maxLength: 80,
  }),
);

function withEvent({ aggregates, span }: Query, event: Sample): PartialAggregate {
  const states = aggregates.map((aggregate) => {
    const input = aggregate.input(event, event.time);
    return input.kind === 'value' ? aggregate.add(aggregate.identity, input.value) : aggregate.identity;
  });
  return span === undefined ? states : [...states, span.add(span.identity, event.time)];
}

/** The partials of events: one a key, or for sessions one an event, so that a key comes several times. */
function partialsOf(query: Query, of: readonly Sample[]): readonly KeyedPartial[] {
  const keyed = of.flatMap((event): KeyedPartial[] => {
    const key = query.keyOf(event);
    return typeof key === 'string' ? [[key, withEvent(query, event)]] : [];
  });
  return query.span === undefined ? merged(query, keyed) : keyed;
}

function merged(query: Query, partials: readonly KeyedPartial[]): readonly KeyedPartial[] {
  const byKey = new Map<string, PartialAggregate>();
  for (const [key, partial] of partials)
    byKey.set(key, mergePartial(query, byKey.get(key) ?? identityOf(query), partial));
  return [...byKey];
}

const samples = queries.chain((query) =>
  fc.record({
    query: fc.constant(query),
    parts: fc.uniqueArray(
      fc
        .record({ slice: fc.integer({ min: -100, max: 1_469_501_107_000 }), records: fc.nat(), list: lists })
        .map(({ slice, records, list }): SlicePart => ({ slice, records, partials: partialsOf(query, list) })),
      { selector: ({ slice }) => slice, maxLength: 4 },
    ),
  }),
);

/** What can be compared: the bytes of states, rows sorted. */
function shown({ aggregates, span }: Query, parts: readonly SlicePart[]): unknown {
  const textOf = ([key, partial]: KeyedPartial) => {
    const states = aggregates.map((aggregate, i) => aggregate.encode(partial[i]));
    return `${key} ${JSON.stringify(states)} ${span === undefined ? '' : JSON.stringify(partial[aggregates.length])}`;
  };
  return [...parts]
    .sort((left, right) => left.slice - right.slice)
    .map(({ slice, records, partials }) => ({ slice, records, rows: partials.map(textOf).sort() }));
}

/** A row's key, with the span of a session. */
const nameOf = ({ aggregates }: Query, [key, partial]: KeyedPartial) =>
  `${key} ${JSON.stringify(partial[aggregates.length])}`;

const stored = (block: Block): Block => JSON.parse(JSON.stringify(block)) as Json;

/** What several blocks hold together, by slice. */
function together(query: Query, blocks: readonly Block[]): readonly SlicePart[] {
  const parts = new Map<number, { slice: number; records: number; partials: KeyedPartial[] }>();
  for (const { slice, records, partials } of blocks.flatMap((block) => decodeBlock(query, stored(block)))) {
    const part = parts.get(slice) ?? { slice, records: 0, partials: [] };
    part.records += records;
    part.partials.push(...partials);
    parts.set(slice, part);
  }
  return [...parts.values()];
}

describe('a block', () => {
  it('decodes to what was encoded, for every aggregate and whatever the keys', () => {
    fc.assert(
      fc.property(samples, ({ query, parts }) => {
        const block = stored(encodeBlock(query, parts));
        const decoded = decodeBlock(query, block);
        expect(shown(query, decoded)).toStrictEqual(shown(query, parts));
        expect(stored(encodeBlock(query, decoded))).toStrictEqual(block);
        expect(decoded.map(({ slice }) => slice)).toStrictEqual(slicesOf(block).map(({ slice }) => slice));
        for (const { partials } of decoded) {
          const keys = partials.map(([key]) => key);
          expect(keys).toStrictEqual([...keys].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0)));
        }
        expect(recordsOf(block)).toBe(parts.reduce((total, { records }) => total + records, 0));
      }),
    );
  });

  it('is the same whatever order its partials come in', () => {
    fc.assert(
      fc.property(samples, fc.infiniteStream(fc.nat()), ({ query, parts }, order) => {
        const shuffled = <T>(items: readonly T[]): T[] =>
          items
            .map((item) => ({ item, at: order.next().value ?? 0 }))
            .sort((left, right) => left.at - right.at)
            .map(({ item }) => item);
        // Two open sessions of a key never have the same span.
        const distinct = parts.map((part) => ({
          ...part,
          partials: [...new Map(part.partials.map((row) => [nameOf(query, row), row] as const)).values()],
        }));
        const other = shuffled(distinct).map((part) => ({ ...part, partials: shuffled(part.partials) }));
        expect(JSON.stringify(encodeBlock(query, other))).toBe(JSON.stringify(encodeBlock(query, distinct)));
      }),
    );
  });

  it('is, cut by slice and lane, the whole: each key in its lane, and no record lost or twice', () => {
    fc.assert(
      fc.property(samples, fc.constantFrom(1, 2, 4, 64), ({ query, parts }, lanes) => {
        const block = stored(encodeBlock(query, parts));
        const cut = cutBlock(block, lanes);
        expect(
          shown(
            query,
            together(
              query,
              cut.map((one) => one.block),
            ),
          ),
        ).toStrictEqual(shown(query, parts));
        expect(new Set(cut.map(({ slice, lane }) => `${slice}/${lane}`)).size).toBe(cut.length);
        for (const { slice, lane, block: one } of cut)
          for (const part of decodeBlock(query, stored(one))) {
            expect(part.slice).toBe(slice);
            for (const [key] of part.partials) expect(laneOf(key, lanes)).toBe(lane);
          }
      }),
    );
  });

  it('is, cut into lanes and these cut again, what it is cut into all of them at once', () => {
    fc.assert(
      fc.property(samples, ({ query, parts }) => {
        const block = stored(encodeBlock(query, parts));
        const withKeys = (
          blocks: readonly { readonly lane: number; readonly slice: number; readonly block: Block }[],
        ) => blocks.map(({ slice, lane, block: one }) => [slice, lane, shown(query, decodeBlock(query, one))]);
        const twice = cutBlock(block, 2).flatMap((half) => cutBlock(half.block, 8));
        // Of the records of a slice, the least lane of each half has what the half had.
        expect(withKeys(twice)).toStrictEqual(withKeys(cutBlock(block, 8)));
      }),
    );
  });

  it('goes into blocks of at most so many bytes, with the keys in order and the records in the first', () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 60, max: 3000 }), ({ query, parts }, mostBytes) => {
        for (const part of parts) {
          const blocks = blocksWithin(query, part, mostBytes);
          expect(shown(query, together(query, blocks))).toStrictEqual(shown(query, [part]));
          const rows = blocks.flatMap((block) => decodeBlock(query, block)[0]?.partials ?? []);
          expect(rows.map(([key]) => key)).toStrictEqual(rows.map(([key]) => key).sort());
          for (const [i, block] of blocks.entries()) {
            const [slice] = slicesOf(block);
            if (Buffer.byteLength(JSON.stringify(block)) > mostBytes) expect(slice?.rows).toBeLessThanOrEqual(1);
            expect(slice?.records).toBe(i === 0 ? part.records : 0);
          }
        }
      }),
    );
  });
});
