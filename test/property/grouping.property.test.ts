import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { csvRow } from '../../functions/api/csv.ts';
import { flatRow } from '../../functions/core/fold/window-result.ts';
import { avg, count, cube, definePipeline, type QuerySpec, rollup, sum, tumbling } from '../../functions/core/index.ts';
import type { Row } from '../../functions/core/results/row.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import { windowFile } from '../../functions/sinks/window-file.ts';
import type { Pane } from '../../functions/state/windows/pane.ts';
import { readPane } from '../../functions/state/windows/pane-reader.ts';
import { partialsOf } from '../../functions/state/windows/pane-rows.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { writePane } from '../fixtures/written-pane.ts';

const schema = z.object({ time: z.number(), country: z.string(), city: z.string().nullable(), amount: z.number() });
type Event = z.infer<typeof schema>;

function rowsBy(groupBy: NonNullable<QuerySpec<Event>['groupBy']>, events: readonly Event[]): readonly Row[] {
  const pipeline = definePipeline({
    name: 'totals',
    event: schema,
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0, maxFutureSkew: '1 day' },
    queries: {
      q: { groupBy, window: tumbling('1 hour'), aggregates: { n: count(), total: sum('amount'), mean: avg('amount') } },
    },
  });
  const run = createStaticRun(pipeline);
  for (const event of events) run.addParsed(event, 0);
  return staticAnswer(pipeline, [run.part()]).windows[0]?.rows ?? [];
}

const events = fc.array(
  fc.record({
    time: fc.integer({ min: 0, max: 1000 }),
    country: fc.constantFrom('de', 'fr', 'it'),
    city: fc.constantFrom('a', 'b', null),
    amount: fc.integer({ min: -100, max: 100 }).map((n) => n / 10),
  }),
  { minLength: 1, maxLength: 60 },
);

/** Rows as a set: the totals, in whatever order they are. */
const asSet = (rows: readonly Row[]) => rows.map(({ key, values }) => JSON.stringify({ key, values })).sort();

describe('rollup and cube', () => {
  it('give the rows of a query by each set of fields', () => {
    fc.assert(
      fc.property(events, (given) => {
        const sets = {
          both: rowsBy(['country', 'city'], given),
          country: rowsBy(['country'], given),
          city: rowsBy(['city'], given),
          none: rowsBy([], given),
        };
        expect(asSet(rowsBy(rollup('country', 'city'), given))).toEqual(
          asSet([...sets.both, ...sets.country, ...sets.none]),
        );
        expect(asSet(rowsBy(cube('country', 'city'), given))).toEqual(
          asSet([...sets.both, ...sets.country, ...sets.city, ...sets.none]),
        );
      }),
    );
  });

  it('put each total behind what it adds up, and a group of null before it', () => {
    const event = (country: string, city: string | null) => ({ time: 0, country, city, amount: 1 });
    const rows = rowsBy(rollup('country', 'city'), [event('fr', 'a'), event('de', 'b'), event('de', null)]);
    expect(rows.map(({ key, values }) => [key, values['n']])).toEqual([
      [{ country: 'de', city: null }, 1],
      [{ country: 'de', city: 'b' }, 1],
      [{ country: 'de' }, 2],
      [{ country: 'fr', city: 'a' }, 1],
      [{ country: 'fr' }, 1],
      [{}, 3],
    ]);
  });

  it('say in grouping which fields a row has added up, as GROUPING in SQL does', () => {
    const events = [{ time: 0, country: 'de', city: null, amount: 1 }];
    const told = (rows: readonly Row[]) => rows.map(({ key, grouping }) => [key, grouping]);
    expect(told(rowsBy(cube('country', 'city'), events))).toEqual([
      [{ country: 'de', city: null }, 0],
      [{ country: 'de' }, 1],
      [{ city: null }, 2],
      [{}, 3],
    ]);
    expect(told(rowsBy(['country', 'city'], events))).toEqual([[{ country: 'de', city: null }, undefined]]);
  });

  it('can be told from groups of null and of the empty text in files and in CSV', () => {
    const events = ['', 'a', null].map((city) => ({ time: 0, country: 'de', city, amount: 1 }));
    const window = { query: 'q', start: 0, end: 1, status: 'final', revision: 0, records: 3, emittedAt: 1 } as const;
    const rows = rowsBy(rollup('city'), events);
    const delivery = { ...window, id: 'q', pipeline: 'p', mode: 'append', rows } as const;
    const lines = Buffer.from(windowFile(delivery, 'json')).toString().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line)).map(({ city, grouping, n }) => [city, grouping, n])).toEqual([
      [null, 0, 1],
      ['', 0, 1],
      ['a', 0, 1],
      [undefined, 1, 3],
    ]);
    const cells = rows.map((row) => flatRow(row)).map((flat) => ['city', 'grouping', 'n'].map((name) => flat[name]));
    expect(cells.map((row) => csvRow(row, 'defused'))).toEqual([',0,1\r\n', '"",0,1\r\n', 'a,0,1\r\n', ',1,3\r\n']);
  });

  it('are the same bytes in no two rows of a Parquet file', async () => {
    const events = ['', null].map((city) => ({ time: 0, country: 'de', city, amount: 1 }));
    const window = { query: 'q', start: 0, end: 1, status: 'final', revision: 0, records: 2, emittedAt: 1 } as const;
    const rows = rowsBy(rollup('city'), events);
    const file = windowFile({ ...window, id: 'q', pipeline: 'p', mode: 'append', rows }, 'parquet');
    const read = await parquetReadObjects({ file: new Uint8Array(file).buffer });
    expect(read.map((row) => [row['city'], row['grouping'], row['n']])).toEqual([
      [null, 0, 1],
      ['', 0, 1],
      [null, 1, 2],
    ]);
  });

  it('are stored and read back as they are, and what is added up later is the groups alone', async () => {
    const pipeline = definePipeline({
      name: 'stored',
      event: schema,
      eventTime: { of: (event) => event.time, unit: 'ms' },
      watermark: { delay: 0 },
      queries: {
        exact: { groupBy: rollup('country', 'city'), window: tumbling('1 hour'), aggregates: { n: count() } },
        states: { groupBy: cube('country', 'city'), window: tumbling('1 hour'), aggregates: { mean: avg('amount') } },
      },
    });
    const run = createStaticRun(pipeline);
    for (const city of ['a', null, 'b']) run.addParsed({ time: 1, country: 'de', city, amount: 3 }, 10);
    for (const window of staticAnswer(pipeline, [run.part()]).windows) {
      const query = pipeline.queries.find(({ name }) => name === window.query);
      if (query === undefined) throw new Error('no query');
      const windows = memoryTable(itemStore());
      const { partials, records } = window;
      const written = await writePane(windows, query, window, { partials, records, nowMs: 5 });
      const read = (await readPane(windows, query, window)) as Pane;
      expect(read.rows).toEqual(window.rows);
      expect(written.rows).toEqual(window.rows);
      expect([...partialsOf(query, read).keys()].sort()).toEqual([...partials.keys()].sort());
    }
  });
});
