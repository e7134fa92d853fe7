import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, session, sum, tumbling } from '../../functions/core/index.ts';
import {
  blocksWithin,
  cutBlock,
  decodeBlock,
  encodeBlock,
  recordsOf,
  slicesOf,
} from '../../functions/core/log/block.ts';
import { laneOf } from '../../functions/core/log/lane.ts';
import type { KeyedPartial } from '../../functions/core/sessions/join.ts';

const { queries } = definePipeline({
  name: 'blocks',
  event: z.object({ time: z.number(), user: z.string(), amount: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    users: { groupBy: ['user'], window: tumbling('1 hour'), aggregates: { count: count(), amount: sum('amount') } },
    total: { window: tumbling('1 hour'), aggregates: { count: count() } },
    visits: { groupBy: ['user'], window: session('1 hour'), aggregates: { count: count() } },
  },
});
const [users, total, visits] = queries;
if (users === undefined || total === undefined || visits === undefined) throw new Error('no queries');

const amountOf = (of: number, terms: number) => ({ sum: of, count: terms });
const user = (name: string, counted: number, amount: number): KeyedPartial => [
  JSON.stringify([name]),
  [counted, amountOf(amount, counted)],
];

describe('a block', () => {
  it('is short, and can be read while it is small', () => {
    const block = encodeBlock(users, [
      { slice: 7_200_000, records: 1, partials: [user('eve', 1, 5)] },
      { slice: 3_600_000, records: 5, partials: [user('bob', 3, 12), user('ann', 2, 7)] },
    ]);
    expect(JSON.stringify(block)).toBe(
      '[1,[3600000,2,5,3600000,1,1],["ann","bob","eve"],[2,3,1],[[7,2],[12,3],[5,1]]]',
    );
    expect(recordsOf(block)).toBe(6);
    expect(slicesOf(block)).toStrictEqual([
      { slice: 3_600_000, records: 5, rows: 2 },
      { slice: 7_200_000, records: 1, rows: 1 },
    ]);
  });

  it('holds the spans of sessions from their slice on, those of one key by their start', () => {
    const part = { slice: 1_000, records: 6, partials: [] };
    const open = (least: number): KeyedPartial => ['["ann"]', [3, { least, greatest: least + 7, records: 3 }]];
    const block = encodeBlock(visits, [{ ...part, partials: [open(9_000), open(2_000)] }]);
    expect(JSON.stringify(block)).toBe('[1,[1000,2,6],["ann","ann"],[3,3],[[1000,7,3],[8000,7,3]]]');
    expect(decodeBlock(visits, block)).toStrictEqual([{ ...part, partials: [open(2_000), open(9_000)] }]);
  });

  it('may hold nothing, or records without keys', () => {
    expect(decodeBlock(users, encodeBlock(users, []))).toStrictEqual([]);
    const parts = [
      { slice: -5, records: 0, partials: [] },
      { slice: 0, records: 3, partials: [] },
    ];
    const block = encodeBlock(users, parts);
    expect(decodeBlock(users, block)).toStrictEqual(parts);
    expect(cutBlock(block, 4).map(({ slice, lane, block: one }) => [slice, lane, recordsOf(one)])).toStrictEqual([
      [-5, 0, 0],
      [0, 0, 3],
    ]);
  });

  it('holds a slice once', () => {
    const part = { slice: 0, records: 0, partials: [] };
    expect(() => encodeBlock(users, [part, part])).toThrow('users: slice 0');
  });

  it('that is cut gives its records to the least lane that has a key', () => {
    const partials = Array.from({ length: 40 }, (_, i) => user(`user-${i}`, 1, i));
    const lanes = partials.map(([key]) => laneOf(key, 8));
    const least = Math.min(...lanes);
    const cut = cutBlock(encodeBlock(users, [{ slice: 0, records: 40, partials }]), 8);
    expect(cut.map(({ lane }) => lane)).toStrictEqual([...new Set(lanes)].sort((left, right) => left - right));
    for (const { lane, block } of cut) expect(recordsOf(block)).toBe(lane === least ? 40 : 0);
  });

  it('has one lane without group-by, whatever the number of lanes', () => {
    const cut = cutBlock(encodeBlock(total, [{ slice: 0, records: 2, partials: [['[]', [2]]] }]), 16);
    expect(cut.map(({ lane }) => lane)).toStrictEqual([laneOf('[]', 16)]);
  });

  it('of a row that is larger than the bound is a block of its own', () => {
    const partials = [user('a', 1, 1), user('b'.repeat(500), 1, 1), user('c', 1, 1)];
    const blocks = blocksWithin(users, { slice: 0, records: 3, partials }, 100);
    expect(blocks.map((block) => slicesOf(block).map(({ rows, records }) => [rows, records]))).toStrictEqual([
      [[1, 3]],
      [[1, 0]],
      [[1, 0]],
    ]);
  });
});

describe('a block that is not of a query is refused by the name of the query', () => {
  const block = encodeBlock(users, [{ slice: 0, records: 1, partials: [user('ann', 1, 1)] }]);

  it.each([
    ['of other keys', total, block],
    ['of other columns', users, [1, [0, 1, 1], ['ann'], [1]]],
    ['with a state of another aggregate', users, [1, [0, 1, 1], ['ann'], ['one'], [[1, 1]]]],
    ['with fewer values than rows', users, [1, [0, 2, 1], ['ann'], [1], [[1, 1]]]],
    ['with half a slice', users, [1, [0, 1], ['ann'], [1], [[1, 1]]]],
    ['with a count below 0', users, [1, [0, 1, -1], ['ann'], [1], [[1, 1]]]],
    ['that is text', users, 'block'],
    ['that is null', users, null],
  ])('%s', (_, query, wrong) => {
    expect(() => decodeBlock(query, wrong)).toThrow(
      new RegExp(`query ${query.name}: a block that is not of this query`),
    );
  });

  it('and code that does not know the query refuses what is not a block', () => {
    for (const wrong of [null, 'block', {}, [], [1], [2, [], []], [0, [0, 1, 1, 1]], [1, [0, 2, 1], ['ann']]])
      expect(() => cutBlock(wrong, 2), JSON.stringify(wrong)).toThrow();
  });
});
