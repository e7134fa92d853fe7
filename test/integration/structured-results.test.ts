import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openDatabase } from '../../cli/results/duckdb.ts';
import { flatRows, columnsOf as tableColumns } from '../../cli/results/flat-rows.ts';
import { queryApp } from '../../functions/api/app.ts';
import type { WindowJson } from '../../functions/api/window-json.ts';
import {
  approxCountDistinct,
  argMax,
  collectSet,
  count,
  countDistinct,
  defineAggregate,
  definePipeline,
  first,
  histogram,
  percentiles,
  rollup,
  sum,
  topK,
  tumbling,
} from '../../functions/core/index.ts';
import { numbersIn, rankOf, resultText } from '../../functions/core/results/result-view.ts';
import type { Row } from '../../functions/core/results/row.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import { createMeter } from '../../functions/state/table/dynamodb-table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { writePane } from '../fixtures/written-pane.ts';

const hourMs = 3_600_000;
const pipeline = definePipeline({
  name: 'structured',
  event: z.object({
    time: z.number(),
    site: z.string(),
    page: z.string(),
    ms: z.number(),
    paid: z.string(),
    note: z.string(),
  }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    q: {
      groupBy: rollup('site'),
      window: tumbling('1 hour'),
      aggregates: {
        requests: count(),
        latency: percentiles('ms', [0.5, 0.99]),
        pages: topK('page', 2),
        spread: histogram('ms', [10, 100]),
        names: collectSet('page', 3),
        some: countDistinct('page', { upTo: 2 }),
        about: approxCountDistinct('page'),
        paid: sum('paid'),
        note: first('note'),
        slowest: argMax('page', 'ms'),
        own: defineAggregate({
          identity: 0,
          add: (state: number) => state + 1,
          merge: (left, right) => left + right,
          encode: (state) => state,
          decode: Number,
          // Values that a table would change or refuse: numbers out of its range, empty names, names that it uses
          // itself.
          result: (state) => ({ '': state, double: 1e300, deep: [[[{ json: 1e-300 }]]], text: 'x' }),
        }),
      },
    },
  },
});

const events = Array.from({ length: 60 }, (_, i) => ({
  time: (i % 2) * hourMs + i,
  site: i % 3 === 0 ? 'b' : 'a',
  page: `/${'home cart help faq'.split(' ')[Math.floor(i ** 2 / 901)] ?? 'faq'}`,
  ms: 1 + i * 5,
  paid: i === 0 ? '9007199254740993' : '0.01',
  note: i < 6 ? 'n'.repeat(2000) : 'short',
}));

const windows = memoryTable();
const app = queryApp({
  pipeline,
  tables: { state: memoryTable(), windows, rejects: memoryTable(), meter: createMeter() },
  now: () => 5 * hourMs,
  newSecret: () => 's'.repeat(64),
  onError: (error) => {
    throw error;
  },
});
const ask = (target: string, accept = 'application/json') =>
  app.request(`http://api${target}`, { headers: { accept } });
const run = createStaticRun(pipeline);
for (const event of events) run.addParsed(event, 5 * hourMs);
const answer = staticAnswer(pipeline, [run.part()]);

beforeAll(async () => {
  const [query] = pipeline.queries;
  for (const window of answer.windows)
    if (query !== undefined) await writePane(windows, query, window, { ...window, nowMs: 5 });
});

describe('structured results', () => {
  it('come back from the table as they were, by the byte, as the description says', async () => {
    const body = (await (await ask('/v1/queries/q/windows')).json()) as { windows: WindowJson[] };
    expect(JSON.stringify(body.windows.map(({ rows }) => rows))).toBe(
      JSON.stringify(answer.windows.map(({ rows }) => rows)),
    );
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    ajv.addSchema((await (await ask('/openapi.json')).json()) as object, 'openapi');
    const schema = (name: string) => ajv.getSchema(`openapi#/components/schemas/${name}`);
    expect(schema('Windows')?.(body), JSON.stringify(schema('Windows')?.errors)).toBe(true);
    const values: Row['values'] = body.windows[0]?.rows[0]?.values ?? {};
    const named = {
      latency: 'Percentiles',
      pages: 'Items',
      spread: 'Histogram',
      names: 'CollectedSet',
      some: 'Overflow',
      note: 'Overflow',
    } as const;
    for (const [name, of] of Object.entries(named))
      expect(schema(of)?.(values[name]), `${name}: ${JSON.stringify(values[name])}`).toBe(true);
    for (const of of Object.values(named)) expect(schema(of)?.({ other: 1 }), of).toBe(false);
  });

  it('are added up over windows from their states', async () => {
    const { totals } = (await (await ask('/v1/queries/q/totals?by=')).json()) as { totals: Row[] };
    expect(totals[0]?.values).toMatchObject({
      requests: 60,
      about: 4,
      paid: '9007199254740993.59',
      slowest: '/faq',
      some: { atLeast: 3, overflow: true },
    });
    expect(totals[0]?.values['spread']).toMatchObject({ counts: [2, 18, 40] });
  });

  it('are ranked by one of their numbers', async () => {
    const { rows } = (await (await ask('/v1/queries/q/top?by=latency.p99')).json()) as { rows: Row[] };
    expect(rows.map(({ key }) => key['site'])).toEqual(
      [...rows].sort((l, r) => p99(r) - p99(l)).map(({ key }) => key['site']),
    );
    expect(rows).toHaveLength(2);
    for (const [by, hint] of [
      ['latency', 'latency.p50, latency.p99'],
      ['spread', 'requests'],
      ['nothing.p99', 'requests'],
      ['latency.p99.x', 'requests'],
    ]) {
      const refused = await ask(`/v1/queries/q/top?by=${by}`);
      expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
        400,
        expect.stringContaining(hint ?? ''),
      ]);
    }
    for (const by of ['some', 'paid']) expect((await ask(`/v1/queries/q/top?by=${by}`)).status).toBe(200);
  });

  it('are JSON in a cell of CSV', async () => {
    const [head = '', line = ''] = (await (await ask('/v1/queries/q/windows?limit=1', 'text/csv')).text()).split(
      '\r\n',
    );
    expect(head).toContain('site,grouping,requests,latency,pages');
    expect(line).toContain('"{""error"":0,""items"":[{""count"":');
  });

  it('are structures and lists in SQL', async () => {
    const body = (await (await ask('/v1/queries/q/windows')).json()) as { windows: WindowJson[] };
    const database = await openDatabase({ use: 'this test', instead: '' });
    try {
      const [{ groupBy, aggregateNames } = { groupBy: [], aggregateNames: [] }] = pipeline.queries;
      const aggregates = Object.fromEntries(aggregateNames.map((name) => [name, '']));
      const columns = tableColumns({ name: 'q', serves: null, groupBy, hasTotals: true, aggregates });
      await database.addTable('q', columns, flatRows(body.windows));
      const read = async (sql: string) => (await database.connection.runAndReadAll(sql)).getRowsJson();
      const site = body.windows[0]?.rows[0]?.values as {
        latency: { p99: number };
        pages: { items: { value: string }[] };
      };
      expect(
        await read(
          "select latency.p99, pages.items[1].value, spread.counts[1] from q where site = 'a' order by window_start limit 1",
        ),
      ).toEqual([[String(site.latency.p99), site.pages.items[0]?.value, expect.any(String)]]);
      expect(await read(`select typeof(paid), typeof("some"), typeof(names) from q limit 1`)).toEqual([
        ['DECIMAL(38,2)', 'STRUCT(atLeast BIGINT, overflow BOOLEAN)', 'STRUCT(overflow BOOLEAN, "values" VARCHAR[])'],
      ]);
      expect(await read('select distinct site is null, grouping from q order by 2')).toEqual([
        [false, '0'],
        [true, '1'],
      ]);
    } finally {
      await database.close();
    }
  });
});

const p99 = ({ values }: Row) => (values['latency'] as { p99: number }).p99;

describe('results for people', () => {
  it.each([
    [1234.5, '1234.5'],
    ['12', '12'],
    [null, 'null'],
    [{ p50: 1, p99: 2 }, 'p50 1, p99 2'],
    [
      {
        error: 0,
        items: [
          { count: 2, value: 'a' },
          { count: 1, value: 'b' },
        ],
        overflow: false,
      },
      'a 2, b 1',
    ],
    [{ error: 3, items: [{ count: 2, value: 'a' }], overflow: true }, 'a 2 (error 3)'],
    [{ counts: [1, 2, 3], edges: [10, 100] }, '<10: 1, 10-100: 2, >=100: 3'],
    [{ overflow: true, values: ['a', 1] }, 'a, 1, ...'],
    [{ atLeast: 1001, overflow: true }, '>=1001'],
    [{ bytes: 2000, overflow: true }, '(2000 bytes)'],
    [{ overflow: 'size' }, '(overflow: size)'],
  ])('%j is %s', (result, text) => {
    expect(resultText(result, String)).toBe(text);
  });

  it('rank by a number, its exact text or its bound', () => {
    expect([5, '9007199254740993', { atLeast: 3, overflow: true }, 'text', '', null, { p50: 1 }].map(rankOf)).toEqual([
      5,
      9007199254740992,
      3,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([
      numbersIn({ p50: 1, p99: 2, overflow: true }),
      numbersIn({ atLeast: 1, overflow: true }),
      numbersIn([1]),
    ]).toEqual([['p50', 'p99'], [], []]);
  });
});
