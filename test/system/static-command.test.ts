import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { printedCounters } from '../fixtures/system/printed-counters.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function tidemark(...args: readonly string[]): Ran {
  return spawnSync(process.execPath, [path.join(root, 'cli', 'tidemark.mjs'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
}

function objects(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function file(name: string, lines: readonly string[]): string {
  writeFileSync(path.join(folder, name), lines.map((line) => `${line}\n`).join(''));
  return name;
}

const startSecond = 1_469_498_400;
const small = file('small.json', [
  `{"time":${startSecond + 3600},"action":"Open"}`,
  `{"time":${startSecond},"action":"Open"}`,
  `{"time":${startSecond},"action":"Close"}`,
  'no json',
  '',
  `{"time":${startSecond + 1},"action":"Open"}`,
]);

test('batch --json prints a row a line, sorted, and the conservation counters on stderr', () => {
  const { status, stdout, stderr } = tidemark('batch', small, '--pipeline', 'device-actions', '--json');
  const start = startSecond * 1000;
  const row = (from: number, action: string, count: number) => ({
    query: 'actionsPerHour',
    start: from,
    end: from + 3_600_000,
    key: { action },
    values: { count },
    status: 'final',
    revision: 0,
  });
  expect(status).toBe(0);
  expect(objects(stdout)).toEqual([row(start, 'Close', 1), row(start, 'Open', 2), row(start + 3_600_000, 'Open', 1)]);
  expect(
    stdout.startsWith(
      `{"query":"actionsPerHour","start":${start},"end":${start + 3_600_000},"key":{"action":"Close"},"values":{"count":1},"status":"final","revision":0}\n`,
    ),
  ).toBe(true);
  expect(printedCounters(stderr)).toEqual({
    conservation: { received: 5, counted: 4, late: 0, duplicate: 0, rejected: 1, filtered: 0 },
    queries: { actionsPerHour: { counted: 4, late: 0, filtered: 0 } },
    writeUnits: 0,
    seconds: expect.any(Number),
  });
});

test('rejected lines are named on stderr by file and line, and not on stdout', () => {
  const { stdout, stderr } = tidemark('batch', small);
  expect(stderr).toContain('small.json:4');
  expect(stdout).not.toContain('small.json');
  expect(stdout).toContain('actionsPerHour');
});

test('batch --totals adds up over the windows, by fields or all in one', () => {
  const byAction = objects(tidemark('batch', small, '--json', '--totals', 'action').stdout);
  expect(byAction.map((row) => [row['key'], row['values']])).toEqual([
    [{ action: 'Close' }, { count: 1 }],
    [{ action: 'Open' }, { count: 3 }],
  ]);
  const [all] = objects(tidemark('batch', small, '--json', '--totals', '').stdout);
  expect(all).toEqual({
    query: 'actionsPerHour',
    from: startSecond * 1000,
    to: (startSecond + 7200) * 1000,
    key: {},
    values: { count: 4 },
  });
});

test('a pipeline that imports its rows from a file counts by their fields', () => {
  file('rooms.json', [JSON.stringify([{ action: 'Open', room: 'hall' }])]);
  file('rooms.ts', [
    "import { count, definePipeline, lookup, tumbling } from 'tidemark';",
    "import { z } from 'zod';",
    "import rooms from './rooms.json' with { type: 'json' };",
    'export default definePipeline({',
    "  name: 'rooms', event: z.object({ time: z.number(), action: z.string() }), eventTime: { of: (event) => event.time, unit: 's' },",
    "  enrich: lookup(rooms, 'action'), watermark: { delay: '1 hour' },",
    "  queries: { byRoom: { groupBy: ['room'], window: tumbling('1 day'), aggregates: { count: count() } } },",
    '});',
  ]);
  const rows = objects(tidemark('batch', small, '--pipeline', './rooms.ts', '--json').stdout);
  expect(rows.map((row) => [row['key'], row['values']])).toEqual([
    [{ room: null }, { count: 1 }],
    [{ room: 'hall' }, { count: 3 }],
  ]);
});

test('a pipeline that looks up in a table takes its rows from a file', () => {
  file('doors.json', ['{"action":"Open","room":"hall"}']);
  file('doors.ts', [
    "import { count, definePipeline, lookup, table, tumbling } from 'tidemark';",
    "import { z } from 'zod';",
    'export default definePipeline({',
    "  name: 'doors', event: z.object({ time: z.number(), action: z.string() }), eventTime: { of: (event) => event.time, unit: 's' },",
    "  enrich: lookup(table('doors'), 'action', { fields: ['room'], unknown: 'filter' }), watermark: { delay: '1 hour' },",
    "  queries: { byRoom: { groupBy: ['room'], window: tumbling('1 day'), aggregates: { count: count() } } },",
    '});',
  ]);
  const lookup = ['--pipeline', './doors.ts', '--lookup', 'doors=doors.json', '--json'];
  const { stdout, stderr } = tidemark('batch', small, ...lookup);
  const [row] = objects(stdout);
  expect([row?.['key'], row?.['values'], printedCounters(stderr).conservation]).toMatchObject([
    { room: 'hall' },
    { count: 3 },
    { received: 5, counted: 3, filtered: 1, rejected: 1 },
  ]);
  expect(objects(tidemark('delay', small, ...lookup).stdout).at(-1)).toMatchObject({
    counters: { received: 5, wanted: 3, filtered: 1 },
  });
  // Enough for several threads, each of which needs the rows.
  const many = file(
    'doors-many.json',
    Array.from({ length: 200_000 }, (_, i) => `{"time":${startSecond},"action":"${i % 2 === 0 ? 'Open' : 'Close'}"}`),
  );
  expect(printedCounters(tidemark('batch', many, ...lookup).stderr)).toMatchObject({
    conservation: { counted: 100_000, filtered: 100_000 },
  });
});

test('a large file is read by several threads, and its rejected lines keep their numbers', () => {
  const lines = Array.from(
    { length: 300_000 },
    (_, i) => `{"time":${startSecond + (i % 7200)},"action":"${i % 3 === 0 ? 'Open' : 'Close'}"}`,
  );
  for (const at of [5, 150_000, 299_999]) lines[at] = '{"time":null}';
  const { status, stdout, stderr } = tidemark('batch', file('large.json', lines), '--json');
  expect(status).toBe(0);
  const counts = new Map<string, number>();
  for (const line of lines) {
    const { time, action } = JSON.parse(line);
    if (time === null) continue;
    const key = `${Math.floor(time / 3600) * 3600_000} ${action}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const rows = objects(stdout) as { start: number; key: { action: string }; values: { count: number } }[];
  expect(new Map(rows.map(({ start, key, values }) => [`${start} ${key.action}`, values.count]))).toEqual(counts);
  for (const number of [6, 150_001, 300_000]) expect(stderr).toContain(`large.json:${number}:`);
});

test('delay --json prints a row a delay, then the counters', () => {
  const input = file('delay.json', [
    `{"time":${startSecond + 7200},"action":"Open"}`,
    `{"time":${startSecond},"action":"Open"}`,
    '{}',
  ]);
  const { status, stdout } = tidemark('delay', input, '--json', '--delays', '0, 1 hour,2h');
  expect(status).toBe(0);
  expect(objects(stdout)).toMatchObject([
    { delayMs: 0, events: 2, late: 1, affected: 1 },
    { delayMs: 3_600_000, events: 2, late: 1, affected: 1 },
    { delayMs: 7_200_000, events: 2, late: 0, affected: 0, waitMs: null },
    { counters: { received: 3, wanted: 2, rejected: 1, filtered: 0 } },
  ]);
});

mkdirSync(path.join(folder, 'folder'));

test.each([
  ['no files', 2, ['batch']],
  ['a missing file', 1, ['batch', 'missing.json']],
  ['a folder', 1, ['batch', 'folder']],
  ['an unknown pipeline', 2, ['batch', small, '--pipeline', 'unheard-of']],
  ['an unknown field for totals', 2, ['batch', small, '--totals', 'colour']],
  ['an unknown option', 2, ['batch', small, '--colour']],
  ['a missing file for delay', 1, ['delay', 'missing.json']],
  ['a delay that is none', 2, ['delay', small, '--delays', '0,soon']],
])('%s ends in one line and exit code %i', (_, code, args) => {
  const { status, stdout, stderr } = tidemark(...args);
  expect({ status, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({
    status: code,
    stdout: '',
    lines: 1,
  });
});

test('delay gives a query the same answer alone and beside one that takes what it loses', () => {
  const text = (queries: string) =>
    [
      "import { count, definePipeline, tumbling } from 'tidemark';",
      "import { z } from 'zod';",
      "const of = (size: '1 hour' | '1 day') => ({ window: tumbling(size), aggregates: { n: count() } });",
      "export default definePipeline({ name: 'hour', event: z.object({ time: z.number() }),",
      "  eventTime: { of: (event) => event.time, unit: 's' }, watermark: { delay: 0 },",
      `  queries: { ${queries} } });`,
    ].join('\n');
  const minutes = [5, 130, 50, 10, 140, 70, 131];
  const events = file(
    'minutes.json',
    minutes.map((minute) => JSON.stringify({ time: startSecond + 60 * minute })),
  );
  const [alone, beside] = [
    ['alone.ts', "byHour: of('1 hour')"],
    ['beside.ts', "byHour: of('1 hour'), byDay: of('1 day')"],
  ].map(([name = '', queries = '']) =>
    objects(
      tidemark(
        'delay',
        events,
        '--pipeline',
        `./${file(name, [text(queries)])}`,
        '--delays',
        '0',
        '--keep',
        '90%',
        '--json',
      ).stdout,
    ),
  );
  const byHour = { query: 'byHour', events: 7, late: 3 };
  expect(alone?.slice(0, 2)).toMatchObject([{ late: 3, queries: [byHour] }, { worst: 'byHour' }]);
  expect(beside?.slice(0, 2)).toMatchObject([
    { late: 0, queries: [byHour, { query: 'byDay', late: 0 }] },
    { worst: 'byHour', queries: { byDay: 0 }, eventsDelayMs: 0 },
  ]);
  expect(beside?.[1]?.['delayMs']).toBe(alone?.[1]?.['delayMs']);
  expect(beside?.[1]?.['delayMs']).toBeGreaterThan(0);
});
