import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodePartials, encodePartials } from '../../functions/core/fold/partial.ts';
import { sortedRows } from '../../functions/core/fold/window-result.ts';
import { definePipeline, rollup, topK, tumbling } from '../../functions/core/index.ts';
import type { FoundPage } from '../../functions/state/items/page.ts';
import { mergeSlice } from '../../functions/state/windows/merged-slice.ts';

const pipeline = definePipeline({
  name: 'orders',
  event: z.object({ time: z.number(), a: z.string(), b: z.string(), v: z.string() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    q: { groupBy: rollup('a', 'b'), window: tumbling('1 hour'), aggregates: { top: topK('v', 2, { capacity: 2 }) } },
  },
});
const [query] = pipeline.queries;
if (query === undefined) throw new Error('no query');

/** The counters of a key in one page. topK exceeds its capacity as soon as two of them differ. */
const counters = fc.uniqueArray(
  fc.tuple(fc.constantFrom('u', 'v', 'w', 'x', 'y', 'z'), fc.integer({ min: 1, max: 9 })),
  {
    selector: ([value]) => value,
    maxLength: 2,
  },
);
const keys = fc.uniqueArray(fc.tuple(fc.constantFrom('k', 'l'), fc.constantFrom('m', 'n'), counters), {
  selector: ([a, b]) => `${a}${b}`,
});
const pages: fc.Arbitrary<readonly FoundPage[]> = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom('s1', 's2'),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(1, 2),
      fc.nat({ max: 1 }),
      keys,
    ),
    {
      selector: ([shardId, closesAt, count, index]) => `${shardId}#${closesAt}#${count}#${index}`,
      maxLength: 8,
    },
  )
  .map((list) =>
    list.map(([shardId, closesAt, count, index, held]) => {
      const text = JSON.stringify(held.map(([a, b, items]) => [a, b, [0, ...items.flat()]]));
      return {
        shardId,
        closesAt,
        count,
        index,
        page: { sequenceNumber: '1', closed: true, partials: decodePartials(query, text), records: 1, contentBytes: 1 },
      };
    }),
  );

describe('pages that are merged', () => {
  it('give the same rows and states in whatever order they were read, of an aggregate whose merge is not associative: I2', () => {
    const shuffled = pages.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list], { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        const [one, again] = [list, other].map((given) => mergeSlice(query, given).partials);
        if (one === undefined || again === undefined) throw new Error('nothing merged');
        expect(JSON.stringify(sortedRows(query, again))).toBe(JSON.stringify(sortedRows(query, one)));
        expect(encodePartials(query, again)).toBe(encodePartials(query, one));
      }),
    );
  });
});
