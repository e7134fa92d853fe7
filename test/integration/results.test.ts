import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../cli/program/package-root.ts';
import { columnType } from '../../cli/results/column-type.ts';
import { command, launch } from '../fixtures/system/command-line.ts';
import { type System, startSystem } from '../fixtures/system/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-results-'));
let system: System;
let port: string;
let files: readonly string[];

/** The lesson's events, replayed. Every window but the last one is final. */
beforeAll(async () => {
  await command([
    'sample',
    'open-close',
    '--out',
    join(folder, 'events'),
    '--clean',
    '--events',
    '2000',
    '--files',
    '4',
  ]);
  files = readdirSync(join(folder, 'events')).map((name) => join(folder, 'events', name));
  system = await startSystem({
    pipelineFile: join(packageRoot, 'pipelines', 'device-actions.ts'),
    pipelineName: 'device-actions',
  });
  port = new URL(system.local.url).port;
  expect((await command(['replay', ...files, '--port', port])).code).toBe(0);
  expect((await command(['drain', '--port', port])).code).toBe(0);
});
afterAll(async () => {
  await system.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (...words: readonly string[]) => {
  const ended = await command([...words, '--port', port]);
  expect(ended.code, ended.stderr).toBe(0);
  return ended.stdout;
};
const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('sql', () => {
  it("answers the lesson's query as the files do", async () => {
    const rows = lines(
      await ask(
        'sql',
        'select action, sum(count) as total from actionsPerHour group by action order by action',
        '--json',
      ),
    );
    const batch = lines((await command(['batch', ...files, '--totals', 'action', '--json'])).stdout);
    expect(rows).toEqual(batch.map(({ key, values }) => ({ action: key.action, total: values.count })));
    expect(rows.reduce((sum, { total }) => sum + total, 0)).toBe(2000);
  });

  it('has typed columns, and windows in the order of time', async () => {
    const sql =
      'select typeof(window_start) t, typeof(count) c, typeof(action) a, min(window_start)::text m from actionsPerHour group by all';
    expect(lines(await ask('sql', sql, '--json'))).toEqual([
      { t: 'TIMESTAMP WITH TIME ZONE', c: 'BIGINT', a: 'VARCHAR', m: '2016-07-26 02:00:00+00' },
    ]);
  });

  it('prints tables, CSV and JSON', async () => {
    const sql = "select 1 as one, 'a,b' as two";
    expect(await ask('sql', sql, '--format', 'csv')).toBe('one,two\r\n1,"a,b"\r\n');
    const formula = "select '=1+1' as f, -1 as n, '' as e, null as z";
    expect(await ask('sql', formula, '--format', 'csv')).toBe('f,n,e,z\r\n\'=1+1,-1,"",\r\n');
    expect(await ask('sql', formula, '--format', 'csv', '--raw')).toBe('f,n,e,z\r\n=1+1,-1,"",\r\n');
    expect(JSON.parse(await ask('sql', sql, '--format', 'json'))).toEqual([{ one: 1, two: 'a,b' }]);
    expect(await ask('sql', sql)).toMatch(/one.*two.*a,b/s);
  });

  it.each([
    ['selec 1', /^tidemark: sql: Parser Error: [^\n]+the tables are actionsPerHour\n$/],
    ['select nothing from actionsPerHour', /^tidemark: sql: Binder Error: [^\n]+\n$/],
    ['select * from nowhere', /^tidemark: sql: Catalog Error: [^\n]+the tables are actionsPerHour\n$/],
  ])('says on one line what is wrong with %s', async (sql, said) => {
    const { code, stderr, stdout } = await command(['sql', sql, '--port', port]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(said);
  });

  it.each<readonly [readonly unknown[], string]>([
    [[], 'VARCHAR'],
    [[null, true], 'BOOLEAN'],
    [[1, 2, null], 'BIGINT'],
    [[1, 2.5], 'DOUBLE'],
    [[1, '9007199254740993'], 'BIGINT'],
    [['12345678901234567890123', 5], 'HUGEINT'],
    [['1234567890123456.25', 5], 'DECIMAL(38, 2)'],
    [[1.5, 'Infinity'], 'DOUBLE'],
    [['01234', '98765'], 'VARCHAR'],
    [['a', 'b'], 'VARCHAR'],
    [['a', 1], 'JSON'],
    [[{ a: 1 }, null, { a: 2.5, b: 'x' }], 'STRUCT("a" DOUBLE, "b" VARCHAR)'],
    [
      [{ error: 0, items: [{ count: 2, value: 'a' }], overflow: false }],
      'STRUCT("error" BIGINT, "items" STRUCT("count" BIGINT, "value" VARCHAR)[], "overflow" BOOLEAN)',
    ],
    [[{ counts: [1, 2], edges: [0.5] }], 'STRUCT("counts" BIGINT[], "edges" DOUBLE[])'],
    [[[1, 'a']], 'JSON[]'],
    [[5, { atLeast: 1001, overflow: true }], 'JSON'],
    [[{}], 'JSON'],
    [[{ a: 1, A: 2 }], 'JSON'],
  ])('has %j in a column of the type %s', (values, type) => {
    expect(columnType(values)).toBe(type);
  });
});

describe('export', () => {
  it('writes the same rows in every form, and nothing but the whole file', async () => {
    const count = lines(await ask('sql', 'select count(*) n from actionsPerHour', '--json'))[0].n;
    for (const format of ['csv', 'ndjson', 'parquet']) {
      const file = join(folder, `counts.${format}`);
      expect(JSON.parse(await ask('export', '--out', file, '--json'))).toEqual({
        query: 'actionsPerHour',
        file,
        format,
        rows: count,
      });
    }
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
    const rows = lines(readFileSync(join(folder, 'counts.ndjson'), 'utf8'));
    expect(rows[0]).toMatchObject({ window_start: '2016-07-26T02:00:00.000Z', status: 'final', revision: 0 });
    const csv = readFileSync(join(folder, 'counts.csv'), 'utf8').split('\r\n');
    expect(csv[0]).toBe('window_start,window_end,status,revision,records,finalized_at,action,count');
    expect(csv).toHaveLength(count + 2);
    const parquet = `select count(*) n, sum(count) total, typeof(any_value(window_start)) t from '${join(folder, 'counts.parquet')}'`;
    expect(lines(await ask('sql', parquet, '--json'))).toEqual([
      { n: count, total: 2000, t: 'TIMESTAMP WITH TIME ZONE' },
    ]);
  });

  it.each([
    [['export'], '--out is missing'],
    [['export', '--out', 'x.xlsx'], '--format xlsx: use csv, ndjson, parquet'],
    [['export', '--out', join(folder, 'none', 'x.csv')], 'does not exist'],
    [['export', '--out', 'x.csv', '--query', 'nobody'], 'there is no query nobody'],
  ])('says what is wrong with %j', async (words, said) => {
    const { code, stderr } = await command([...words, '--port', port]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^tidemark: [^\n]+\n$/);
    expect(stderr).toContain(said);
  });
});

describe('top and series', () => {
  it('rank a window, and follow a key', async () => {
    const [first] = lines(await ask('top', '--n', '1', '--window', '2016-07-26T02:00:00Z', '--json'));
    const all = lines(await ask('windows', '--to', '2016-07-26T03:00:00Z', '--json'));
    expect(first.values.count).toBe(Math.max(...all.map(({ values }) => values.count)));
    const key = '{"action":"Open"}';
    const series = lines(await ask('series', '--key', key, '--json'));
    expect(series.map(({ start, values }) => [start, values])).toEqual(
      lines(await ask('windows', '--key', key, '--json')).map(({ start, values }) => [start, values]),
    );
    expect(await ask('top', '--n', '2')).toMatch(/actionsPerHour/);
  });
});

describe('status --watch', () => {
  it('says a line each time until it is told to stop', async () => {
    const watching = launch(['status', '--watch', '--every', '1', '--port', port]);
    expect(await watching.firstLine()).toMatch(
      /^\S+Z watermark 2016-\S+ \S+ UTC, open windows 0, events a second: at the next look, received 2,000 = /,
    );
    watching.child.kill('SIGINT');
    expect((await watching.ended).code).toBe(130);
  });
});

describe('--stack', () => {
  it.each([
    [['windows', '--stack', 'none', '--port', '4500'], '--port and --stack exclude each other'],
    [['windows'], '--port is missing: give the port that tidemark up printed, --stack with a stack, or --api'],
    [['drain', '--stack', 'none', '--endpoint', 'http://127.0.0.1:9'], 'nothing listens at 127.0.0.1:9'],
  ])('is refused in one line: %j', async (words, said) => {
    const { code, stderr } = await command(words);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^tidemark: [^\n]+\n$/);
    expect(stderr).toContain(said);
  });
});
