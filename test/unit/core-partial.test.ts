import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { createFold } from '../../functions/core/fold/fold.ts';
import {
  inputsOf as askedOf,
  decodePartials,
  type EventInputs,
  encodePartials,
  identityOf,
  mergeInto,
  type PartialAggregate,
  rowOf,
} from '../../functions/core/fold/partial.ts';
import { mergeWindow, sortedRows, windowsOf } from '../../functions/core/fold/window-result.ts';
import { avg, count, definePipeline, max, sum, tumbling } from '../../functions/core/index.ts';

const pipeline = definePipeline({
  name: 'partials',
  event: z.object({ time: z.number(), action: z.string(), room: z.number().nullish(), n: z.number().nullish() }),
  eventTime: (event) => event.time,
  watermark: { delay: 0 },
  queries: {
    counts: { groupBy: ['action'], window: tumbling('1 hour'), aggregates: { count: count() } },
    all: { window: tumbling('1 day'), aggregates: { count: count(), total: sum('n'), mean: avg('n') } },
    rooms: {
      groupBy: ['action', 'room'],
      window: tumbling('1 hour', { offset: '30 minutes' }),
      aggregates: { most: max('n') },
    },
  },
});

function queryOf(name: string): Query {
  const query = pipeline.queries.find((each) => each.name === name);
  if (query === undefined) throw new Error(`no query ${name}`);
  return query;
}

const counts = queryOf('counts');
const all = queryOf('all');
const rooms = queryOf('rooms');
const hour = 3_600_000;

describe('encoded partial aggregates', () => {
  it('are one array a key, readable in the console', () => {
    expect(
      encodePartials(counts, [
        ['["Open"]', [179]],
        ['["Close"]', [173]],
      ]),
    ).toBe('[["Open",179],["Close",173]]');
    expect(
      encodePartials(rooms, [
        ['["Open",null]', [null]],
        ['["Open",5]', [1.5]],
      ]),
    ).toBe('[["Open",null,null],["Open",5,1.5]]');
    const six = { sum: 6, count: 3 };
    expect(encodePartials(all, [['[]', [3, six, six]]])).toBe('[[3,[6,3],[6,3]]]');
    expect(encodePartials(counts, [])).toBe('[]');
  });

  it('are read back', () => {
    expect([...decodePartials(counts, '[["Open",179],["Close",173]]')]).toStrictEqual([
      ['["Open"]', [179]],
      ['["Close"]', [173]],
    ]);
    expect([...decodePartials(rooms, '[["Open",null,null],["Open",5,1.5]]')]).toStrictEqual([
      ['["Open",null]', [null]],
      ['["Open",5]', [1.5]],
    ]);
    expect(encodePartials(all, decodePartials(all, '[[3,[6,3],[6,3]]]'))).toBe('[[3,[6,3],[6,3]]]');
    expect(decodePartials(counts, '[]')).toHaveProperty('size', 0);
  });

  it.each([
    '',
    '{',
    '5',
    'null',
    '{}',
    '[5]',
    '[null]',
    '[[]]',
    '[["Open"]]',
    '[["Open",1,2]]',
    '[["Open","1"]]',
    '[["Open",null]]',
  ])('that are not of the query throw: %s', (text) => {
    expect(() => decodePartials(counts, text)).toThrow();
  });
});

describe('merging', () => {
  it('keeps keys that only one side has and merges the others', () => {
    const left = new Map<string, PartialAggregate>([
      ['["a"]', [1]],
      ['["b"]', [2]],
    ]);
    const right = new Map<string, PartialAggregate>([
      ['["b"]', [10]],
      ['["c"]', [20]],
    ]);
    mergeInto(counts, left, right);
    expect([...left]).toStrictEqual([
      ['["a"]', [1]],
      ['["b"]', [12]],
      ['["c"]', [20]],
    ]);
    expect([...right]).toStrictEqual([
      ['["b"]', [10]],
      ['["c"]', [20]],
    ]);
  });
});

describe('a row', () => {
  it('has the group-by values and the results by name', () => {
    expect(rowOf(rooms, '["Open",5]', [1.5])).toStrictEqual({
      key: { action: 'Open', room: 5 },
      values: { most: 1.5 },
    });
    expect(rowOf(all, '[]', identityOf(all))).toStrictEqual({ key: {}, values: { count: 0, total: null, mean: null } });
  });

  it('stands in the order of its key among the others', () => {
    const partials = new Map(['["b",1]', '["a",10]', '["a",null]', '["a",9]'].map((key) => [key, [1]] as const));
    expect(sortedRows(rooms, partials).map(({ key }) => [key['action'], key['room']])).toStrictEqual([
      ['a', null],
      ['a', 9],
      ['a', 10],
      ['b', 1],
    ]);
  });
});

function inputsOf(query: Query, event: { readonly time?: number }): EventInputs {
  const inputs = askedOf(query, event, event.time ?? 0);
  if ('refused' in inputs) throw new Error(inputs.refused);
  return inputs;
}

describe('a fold', () => {
  it('puts an event into one slice of each query, and adds it to the partial aggregate of its key there', () => {
    const fold = createFold();
    const events = [
      { time: 5, action: 'Open', n: 1 },
      { time: hour + 5, action: 'Open', n: 2 },
      { time: 6, action: 'Open', n: 3 },
      { time: -1, action: 'Close', n: 4 },
      { time: 7, action: 'Close' },
    ];
    for (const event of events) {
      fold.add(counts, `["${event.action}"]`, inputsOf(counts, event), event.time);
      fold.add(all, '[]', inputsOf(all, event), event.time);
    }
    const found = [...fold.slices].map(({ query, slice, keys }) => [
      query.name,
      slice,
      [...keys.values()].map(({ key, states }) => [key, states]),
    ]);
    expect(found).toStrictEqual([
      [
        'counts',
        0,
        [
          ['["Open"]', [2]],
          ['["Close"]', [1]],
        ],
      ],
      ['all', 0, [['[]', [4, { sum: 6, count: 3 }, { sum: 6, count: 3 }]]]],
      ['counts', hour, [['["Open"]', [1]]]],
      ['counts', -hour, [['["Close"]', [1]]]],
      ['all', -24 * hour, [['[]', [1, { sum: 4, count: 1 }, { sum: 4, count: 1 }]]]],
    ]);
  });

  it('leaves the identity of the aggregates as it was', () => {
    const fold = createFold();
    fold.add(all, '[]', inputsOf(all, { time: 0, n: 5 } as { readonly time: number }), 0);
    expect(identityOf(all).map((state, i) => all.aggregates[i]?.encode(state))).toStrictEqual([0, [0, 0], [0, 0]]);
  });
});

describe('the windows of slices', () => {
  it('are each given once, by end', () => {
    expect(windowsOf(rooms, [hour / 2, -hour / 2, hour / 2])).toStrictEqual([
      { start: -hour / 2, end: hour / 2, closing: hour / 2, slices: [-hour / 2] },
      { start: hour / 2, end: 1.5 * hour, closing: 1.5 * hour, slices: [hour / 2] },
    ]);
    expect(windowsOf(rooms, [])).toStrictEqual([]);
  });

  it('merge all partial aggregates of their slices', () => {
    const parts = [
      { partials: new Map([['["a"]', [1]]]) },
      {
        partials: new Map([
          ['["a"]', [2]],
          ['["b"]', [3]],
        ]),
      },
      { partials: new Map([['["b"]', [10]]]) },
    ];
    const merged = mergeWindow(counts, parts);
    expect([...merged]).toStrictEqual([
      ['["a"]', [3]],
      ['["b"]', [13]],
    ]);
    expect([...(parts[0]?.partials ?? [])]).toStrictEqual([['["a"]', [1]]]);
  });
});
