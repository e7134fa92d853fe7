import { expect, test } from 'vitest';
import { z } from 'zod';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { hasFields, type TotalRow, totalsFields, totalsOf } from '../../functions/core/fold/totals.ts';
import { avg, count, definePipeline, max, min, sum, tumbling } from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';

const pipeline = definePipeline({
  name: 'test',
  event: z.object({ at: z.number(), net: z.string(), kind: z.string().optional(), mag: z.number().nullish() }),
  eventTime: { of: (event) => event.at, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    byNetAndKind: {
      groupBy: ['net', 'kind'],
      window: tumbling({ ms: 1000 }),
      aggregates: { n: count(), mean: avg('mag'), all: sum('mag'), least: min('mag'), most: max('mag') },
    },
    byKind: { groupBy: ['kind'], window: tumbling({ ms: 5000 }), aggregates: { n: count() } },
  },
});

function totals(events: readonly object[], by: readonly string[], name = 'byNetAndKind'): readonly TotalRow[] {
  const run = createStaticRun(pipeline);
  for (const event of events) run.add(JSON.stringify(event), 0);
  const { windows } = staticAnswer(pipeline, [run.part()]);
  const query = pipeline.queries.find((one) => one.name === name);
  return query === undefined
    ? []
    : totalsOf(
        query,
        windows.filter((window) => window.query === name),
        by,
      );
}

const events = [
  { at: 0, net: 'us', kind: 'quake', mag: 1 },
  { at: 10, net: 'us', kind: 'quake', mag: 0.1 },
  { at: 20, net: 'us', kind: 'blast', mag: 0.2 },
  { at: -1, net: 'ak', mag: 7 },
  { at: 2500, net: 'us', kind: 'quake', mag: 4 },
  { at: 2600, net: 'us', kind: 'quake' },
];

test('a total mean is the mean of all records and not of the windows', () => {
  expect(totals(events, ['net'])).toEqual([
    {
      query: 'byNetAndKind',
      from: -1000,
      to: 3000,
      key: { net: 'ak' },
      values: { n: 1, mean: 7, all: 7, least: 7, most: 7 },
    },
    {
      query: 'byNetAndKind',
      from: -1000,
      to: 3000,
      key: { net: 'us' },
      values: { n: 5, mean: 1.325, all: 5.3, least: 0.1, most: 4 },
    },
  ]);
});

test('fields come in the order asked for, a missing one is null and sorts first', () => {
  expect(totals(events, ['kind', 'net']).map(({ key, values }) => [JSON.stringify(key), values['n']])).toEqual([
    ['{"kind":null,"net":"ak"}', 1],
    ['{"kind":"blast","net":"us"}', 1],
    ['{"kind":"quake","net":"us"}', 4],
  ]);
});

test('the grand total is one row with an empty key', () => {
  expect(totals(events, [])).toEqual([
    {
      query: 'byNetAndKind',
      from: -1000,
      to: 3000,
      key: {},
      values: { n: 6, mean: 12.3 / 5, all: 12.3, least: 0.1, most: 7 },
    },
  ]);
  expect(totals(events, [], 'byKind')).toMatchObject([{ from: -5000, to: 5000, values: { n: 6 } }]);
});

test('no windows have no totals', () => {
  expect(totals([], [])).toEqual([]);
});

test('fields are read from text, and only those that one query has together', () => {
  const { queries } = pipeline;
  expect(totalsFields('by', 'net , kind', queries)).toEqual(['net', 'kind']);
  expect(totalsFields('by', ' ', queries)).toEqual([]);
  expect(queries.map((query) => hasFields(query, ['net']))).toEqual([true, false]);
  for (const wrong of ['mag', 'net,net', 'net,', 'n', ','])
    expect(() => totalsFields('by', wrong, queries)).toThrow(TidemarkError);
  const apart = definePipeline({
    name: 'apart',
    event: z.object({ at: z.number(), a: z.string(), b: z.string() }),
    eventTime: (event) => event.at,
    watermark: { delay: 0 },
    queries: {
      one: { groupBy: ['a'], window: tumbling({ ms: 1000 }), aggregates: { n: count() } },
      other: { groupBy: ['b'], window: tumbling({ ms: 1000 }), aggregates: { n: count() } },
    },
  });
  expect(() => totalsFields('by', 'a,b', apart.queries)).toThrow(TidemarkError);
});
