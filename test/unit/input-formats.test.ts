import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { formatOf } from '../../cli/input/format.ts';
import { checkInputs, inputChunks } from '../../cli/input/input-chunks.ts';
import { inputFile, inputFiles } from '../../cli/input/input-file.ts';
import { TidemarkError } from '../../cli/program/errors.ts';
import { loadPipelineBundle } from '../../cli/program/pipeline-file.ts';
import { runDelay } from '../../cli/static/delay-run.ts';
import { pieceBytes, unitsOf } from '../../cli/static/pieces.ts';
import { createReadBuffer, scanChunks } from '../../cli/static/scan.ts';
import { runStatic } from '../../cli/static/static-engine.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import deviceActions from '../../pipelines/device-actions.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function textOf(file: string, options?: Parameters<typeof inputFile>[1]): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of inputChunks(inputFile(file, options))) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const event = (i: number) => ({ time: 1_469_501_107 + i, action: i % 2 ? 'Open' : 'Close' });
const events = Array.from({ length: 200 }, (_, i) => event(i));
const lines = events.map((one) => `${JSON.stringify(one)}\n`);
const half = lines.slice(0, 100).join('');
const rest = lines.slice(100).join('');

/** The two halves, each a frame of its own with its checksum (zstd -19). */
const zstd = Buffer.from(
  'KLUv/WRCDU0GADJMHxWQqw3Xpe9Ev33/X/fK7u7end4/CnBaiXVWr7LmXu3EPut3dTOvciKf8bm4eVc3cc/2W9usq5qoZ3otbc7VTMyzfFY24yom4hkeC5tv9RLPfnXNtmqJZ7ey5q8+8Wf/670cDcFAlA6HSYYkpIVBHqNIwdZf2YoX0qEgT4ICZqghdLz2fwPgmQ4S+AQBBQEEggBC8E/jDyHc2AQmMENCWBYURDKJEfZLhCFcaIh9ImIIrxjej6BQRomGsB8xCXvPxwXIRSZZBUCcIeIotS/9ZEINRQYAQkwfFZCrDdel70S/ff9f98ru7t6d3j8KcFqJdVavuuZe7cQ+63d1M69yIp/xubh5Vzdxz/Zb26yrmqhnei1tztVMzLN8VjbjKibiGR4Lm2/1Es9+dc22aol2ditr/uoTf/a/3svREAxE6XCYZEhCWhjkMYoUbNkrW/FCOhTkSVBmqCFwvPZ/A+CZDhL4BAEFAQSCAELwT+MPCdxsLhOYKyCSQAKBBCqEPFBggEEKkQcUDGBQAeuVFNUo1VByAyZh2vm4gLnIJKuN3JbJ',
  'base64',
);
/** The two halves, each a member of its own. */
const gzip = Buffer.concat([gzipSync(half), gzipSync(rest)]);
const csv = `time,action\n${events.map(({ time, action }) => `${time},${action}\n`).join('')}`;

async function parquet(name: string, select: string): Promise<string> {
  const file = path.join(folder, name);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
  return file;
}

const plain = write('plain.json', half + rest);
const files = async () => [
  plain,
  write('packed.json.gz', gzip),
  write('packed.ndjson.zst', zstd),
  write('rows.csv', csv),
  write('rows.csv.gz', gzipSync(csv)),
  await parquet('rows.parquet', `SELECT * FROM read_json('${plain}')`),
];

describe('a file of any format', () => {
  it('holds the events that its lines or rows are', async () => {
    for (const file of await files()) {
      const text = await textOf(file);
      expect([path.basename(file), text.trim()]).toEqual([path.basename(file), lines.join('').trim()]);
    }
  });

  it('has the format that its name says, and --format says otherwise', async () => {
    expect(formatOf('a/b.JSON.GZ')).toMatchObject({ form: 'json', packing: 'gzip' });
    expect(formatOf('app.log')).toMatchObject({ form: 'json', packing: 'none' });
    expect(formatOf('x.csv.zst')).toMatchObject({ form: 'csv', packing: 'zstd' });
    expect(() => formatOf('x.parquet.gz')).toThrow(/unpack the file/);
    expect(await textOf(write('no-extension', gzip), { format: 'json.gz', csvText: false, encoding: undefined })).toBe(
      half + rest,
    );
  });

  it('gives batch the same windows and counters, one thread or many, and delay the same table', async () => {
    const { pipeline, bundle } = await loadPipelineBundle('device-actions');
    const arrivalMs = 1_469_600_000_000;
    const all = await files();
    const run = (paths: readonly string[], workers: number) =>
      runStatic({ pipeline, bundle, files: inputFiles(paths), arrivalMs, workers });
    const expected = await run([plain], 1);
    const table = async (file: string) => {
      const { table: made, ...rest } = await runDelay({
        pipeline,
        files: inputFiles([file]),
        delaysMs: [0, 3_600_000],
        arrivalMs,
        onProgress: () => undefined,
        signal: new AbortController().signal,
      });
      return { rows: made.rows(), keeps: made.delayFor(0.9), ...rest };
    };
    for (const file of all) {
      expect(await run([file], 1)).toEqual(expected);
      expect(await table(file)).toEqual(await table(plain));
    }
    const together = await run(all, 1);
    expect(together.counters).toEqual({ ...expected.counters, received: 200 * all.length, counted: 200 * all.length });
  });

  it('fills the history of a query as plain lines do', async () => {
    const { pipeline, bundle } = await loadPipelineBundle('device-actions');
    const range = { query: 'actionsPerHour', since: Number.NEGATIVE_INFINITY, until: 1_469_502_000_000 };
    const run = (file: string) =>
      runStatic({ pipeline, bundle, files: inputFiles([file]), range, arrivalMs: 1_469_600_000_000, workers: 1 });
    const expected = await run(plain);
    expect(expected.windows.map(({ records }) => records)).toEqual([200]);
    for (const file of await files()) expect(await run(file)).toEqual(expected);
  });

  it('is one unit of work where no line can be found in its middle', () => {
    const big = inputFile(write('big.json.gz', gzipSync('{}\n')));
    const [unit, ...others] = unitsOf([{ ...big, bytes: 10 * pieceBytes }], pieceBytes);
    expect([unit, others]).toEqual([[{ file: 0, from: 0, to: Number.POSITIVE_INFINITY }], []]);
  });
});

describe('a compressed file that was cut', () => {
  it.each([
    ['gzip', 'json.gz', gzip, gzipSync(half).length],
    ['zstd', 'json.zst', zstd, 215],
  ])('is refused wherever it was cut, but for where a member ends (%s)', async (_kind, extension, bytes, member) => {
    for (let cut = 0; cut < bytes.length; cut += Math.abs(cut - member) < 4 || cut > bytes.length - 12 ? 1 : 4) {
      const file = write(`cut.${extension}`, bytes.subarray(0, cut));
      const checked = await checkInputs([inputFile(file)], new AbortController().signal).then(
        () => 'whole',
        (error: unknown) => error,
      );
      if (cut === member) expect(checked).toBe('whole');
      else expect(checked, `cut at ${cut}`).toBeInstanceOf(TidemarkError);
    }
    expect(await textOf(write(`cut.${extension}`, bytes.subarray(0, member)))).toBe(half);
  });

  it('ends a batch with one error that names it: nothing is printed that counts a half of it', async () => {
    const { pipeline, bundle } = await loadPipelineBundle('device-actions');
    const cut = write('half.json.gz', gzip.subarray(0, gzip.length - 20));
    const run = runStatic({ pipeline, bundle, files: inputFiles([plain, cut]), arrivalMs: 0, workers: 2 });
    await expect(run).rejects.toMatchObject({
      name: 'TidemarkError',
      message: expect.stringContaining('half.json.gz'),
    });
  });

  it('is refused when it is no such file at all, or broken inside', async () => {
    const garbled = Buffer.from(gzip);
    garbled.fill(0x55, 60, 90);
    for (const [name, bytes] of [
      ['text.json.gz', Buffer.from(half)],
      ['text.json.zst', Buffer.from(half)],
      ['garbled.json.gz', garbled],
      ['text.parquet', Buffer.from(half)],
    ] as const)
      await expect(textOf(write(name, bytes)), name).rejects.toBeInstanceOf(TidemarkError);
  });
});

describe('a cell of CSV', () => {
  const cell = async (text: string, csvText = false) =>
    (
      JSON.parse(
        (
          await textOf(write('cell.csv', `a,b\n${text},x\n`), { format: undefined, csvText, encoding: undefined })
        ).trim(),
      ) as {
        readonly a: unknown;
      }
    ).a;

  it.each([
    ['12', 12],
    ['-0.5e3', -500],
    ['0', 0],
    ['007', '007'],
    ['+1', '+1'],
    ['12345678901234567890', '12345678901234567890'],
    ['9007199254740991', 9_007_199_254_740_991],
    ['1e999', '1e999'],
    ['NaN', 'NaN'],
    ['True', true],
    ['false', false],
    ['', null],
    ['""', ''],
    ['"12"', '12'],
    ['"true"', 'true'],
    ['" a, ""b"""', ' a, "b"'],
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
    ['5" pipe', '5" pipe'],
  ])('%s is %s', async (text, value) => {
    expect(await cell(text)).toEqual(value);
  });

  it('is text, whatever it looks like, when the schema is to convert it', async () => {
    expect([await cell('12', true), await cell('', true), await cell('true', true)]).toEqual(['12', '', 'true']);
  });

  it('makes a row that has more or fewer of them than the header a line that is no event, on its own line', async () => {
    const text = await textOf(write('cells.csv', '\ufeffa,b\r\n1,2\r\n3\r\n\r\n"x\ny",4\r\n{"a":1},5,6\r\n'));
    const found = text.split('\n');
    expect(found[1]).toBe('{"a":1,"b":2}');
    expect(found[5]).toBe('{"a":"x\\ny","b":4}');
    for (const line of [found[2], found[6]]) expect(() => JSON.parse(line ?? '')).toThrow();
    expect(found).toHaveLength(8);
    // The reader of the line tells the fault of the row, and not that of the JSON that it is not.
    const read = eventReader(deviceActions).text(found[2] ?? '', 0);
    expect(read).toMatchObject({
      outcome: 'rejected',
      reason: 'unparsable',
      detail: expect.stringMatching(/^CSV: 1 cell/),
    });
  });

  it('whose quote is never closed, or a header with a name twice, is an error that names the file', async () => {
    await expect(textOf(write('open.csv', 'a,b\n1,2\n"3,4\n5,6\n'))).rejects.toMatchObject({
      message: expect.stringMatching(/open.csv.*line 3/),
    });
    await expect(textOf(write('twice.csv', 'a,a\n1,2\n'))).rejects.toMatchObject({
      message: expect.stringContaining('twice.csv'),
    });
    await expect(textOf(write('long.csv', `a,b\n1,"${'x'.repeat(1_100_000)}\n`))).rejects.toMatchObject({
      message: expect.stringContaining('line 2'),
    });
  });
});

describe('a row of Parquet', () => {
  it('has times in ISO 8601 with a zone, and everything else as JSON has it', async () => {
    const at = "TIMESTAMPTZ '2026-01-02 03:04:05.678+01:00'";
    const file = await parquet(
      'types.parquet',
      `SELECT ${at} AS zoned, '2026-01-02 03:04:05'::TIMESTAMP AS bare, 1.5::DECIMAL(9,2) AS d, NULL::INT AS n, {x: [1, 2]} AS s, true AS b, 'q"' AS "a ""b"`,
    );
    expect(JSON.parse(await textOf(file))).toEqual({
      zoned: '2026-01-02T02:04:05.678Z',
      bare: '2026-01-02T03:04:05.000Z',
      d: 1.5,
      n: null,
      s: { x: [1, 2] },
      b: true,
      'a "b': 'q"',
    });
  });
});

it('lines are the same however the bytes were cut into pieces', async () => {
  const mixed = 'first\nsecond line\r\n\n  \t\nfünfte\n\r\nseventh, a bit longer than the buffer\nlast';
  const expected = ['1 first', '2 second line', '5 fünfte', '7 seventh, a bit longer than the buffer', '8 last'];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 60 })),
      fc.integer({ min: 1, max: 64 }),
      async (sizes, bufferBytes) => {
        async function* pieces() {
          let left = Buffer.from(mixed);
          for (const size of [...sizes, left.length]) {
            yield left.subarray(0, size);
            left = left.subarray(size);
          }
        }
        const seen: string[] = [];
        const count = await scanChunks(pieces(), createReadBuffer(bufferBytes), {
          quick: () => -1,
          line: (bytes, from, to, number) => void seen.push(`${number} ${bytes.toString('utf8', from, to)}`),
          tooLong: () => undefined,
        });
        expect([seen, count]).toEqual([expected, 8]);
      },
    ),
  );
});
