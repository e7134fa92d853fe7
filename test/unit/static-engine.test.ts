import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { inputFiles } from '../../cli/input/input-file.ts';
import type { StaticJob } from '../../cli/static/job.ts';
import { unitsOf } from '../../cli/static/pieces.ts';
import { runStatic } from '../../cli/static/static-engine.ts';
import { runJob } from '../../cli/static/static-job.ts';
import { isConserved } from '../../functions/core/events/counters.ts';
import { avg, count, definePipeline, max, tumbling } from '../../functions/core/index.ts';
import { type StaticAnswer, staticAnswer } from '../../functions/core/static/static-run.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-static-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hourMs = 3_600_000;
const arrivalMs = 1_500_000_000_000;

const pipeline = definePipeline({
  name: 'test',
  event: z.object({ at: z.number(), kind: z.string(), size: z.number().nullish() }),
  eventTime: (event) => event.at,
  watermark: { delay: 0, maxFutureSkew: '1 hour' },
  queries: {
    perHour: { groupBy: ['kind'], window: tumbling('1 hour'), aggregates: { count: count(), mean: avg('size') } },
    large: { where: (event) => (event.size ?? 0) > 50, window: tumbling('1 day'), aggregates: { most: max('size') } },
  },
});

/** The same answer by the simplest means: one pass, one map, and whole numbers only, so that sums are exact. */
function oracle(texts: readonly (string | undefined)[]): unknown {
  const counters = { received: 0, counted: 0, late: 0, duplicate: 0, rejected: 0, filtered: 0 };
  const hours = new Map<string, { start: number; kind: string; count: number; sum: number; sizes: number }>();
  const days = new Map<number, number>();
  for (const text of texts) {
    counters.received++;
    let event: { at?: unknown; kind?: unknown; size?: unknown } | null = null;
    try {
      event = text === undefined ? null : JSON.parse(text);
    } catch {
      // stays null
    }
    const size = event?.size;
    const valid =
      typeof event === 'object' &&
      typeof event?.at === 'number' &&
      typeof event.kind === 'string' &&
      (size === undefined || size === null || typeof size === 'number');
    if (!valid || typeof event?.at !== 'number' || event.at > arrivalMs + hourMs || event.at < 1e11) {
      counters.rejected++;
      continue;
    }
    counters.counted++;
    const start = Math.floor(event.at / hourMs) * hourMs;
    const kind = String(event.kind);
    const hour = hours.get(`${start} ${kind}`) ?? { start, kind, count: 0, sum: 0, sizes: 0 };
    hours.set(`${start} ${kind}`, hour);
    hour.count++;
    if (typeof size !== 'number') continue;
    hour.sum += size;
    hour.sizes++;
    const day = Math.floor(event.at / (24 * hourMs)) * 24 * hourMs;
    if (size > 50) days.set(day, Math.max(days.get(day) ?? 0, size));
  }
  return {
    counters,
    perHour: [...hours.values()]
      .sort((left, right) => left.start - right.start || (left.kind < right.kind ? -1 : 1))
      .map((hour) => [hour.start, hour.kind, hour.count, hour.sizes === 0 ? null : hour.sum / hour.sizes]),
    large: [...days].sort(([left], [right]) => left - right),
  };
}

function plain({ counters, windows }: StaticAnswer): unknown {
  const of = (name: string) =>
    windows.filter(({ query }) => query === name).flatMap(({ start, rows }) => rows.map((row) => ({ start, ...row })));
  return {
    counters,
    perHour: of('perHour').map(({ start, key, values }) => [start, key['kind'], values['count'], values['mean']]),
    large: of('large').map(({ start, values }) => [start, values['most']]),
  };
}

const event = fc
  .record({
    at: fc.integer({ min: arrivalMs - 3 * 24 * hourMs, max: arrivalMs + hourMs + 100_000 }),
    kind: fc.constantFrom('a', 'b', 'ü', 'x"y'),
    size: fc.option(fc.integer({ min: 0, max: 100 })),
  })
  .map((value) => JSON.stringify(value));
const line = fc.oneof(
  { weight: 8, arbitrary: event },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{',
      // Not `[]`, which is how a file with an array begins.
      '[1]',
      'null',
      '{"at":"x"}',
      '{"at":1,"kind":"a"}',
      '{"kind":"a"}',
      '\ufffd',
      '{"at":1499999999999,"kind":"\ufffd"}',
      '{"at":1499999999999,"kind":"a","kind":"b"}',
    ),
  },
);
const files = fc.array(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\n\n', '\n \t\n')), { maxLength: 25 }), {
  minLength: 1,
  maxLength: 4,
});

test('any cut of any files into pieces gives the rows and counters of one plain loop', async () => {
  await fc.assert(
    fc.asyncProperty(
      files,
      fc.integer({ min: 1, max: 400 }),
      fc.boolean(),
      async (contents, mostPieceBytes, cutLast) => {
        const paths = contents.map((lines, i) => {
          const file = path.join(folder, `any-${i}.json`);
          const content = lines.map((parts) => parts.join('')).join('');
          writeFileSync(file, cutLast ? content.trimEnd() : content);
          return file;
        });
        const result = await runStatic({
          pipeline,
          bundle: '',
          files: inputFiles(paths),
          arrivalMs,
          workers: 1,
          mostPieceBytes,
        });
        expect(plain(result)).toEqual(oracle(contents.flat().map(([text]) => text)));
        expect(isConserved(result.counters)).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});

test('workers that share the units find together what one finds', async () => {
  const file = path.join(folder, 'shared.json');
  const lines = Array.from({ length: 2000 }, (_, i) =>
    JSON.stringify({ at: arrivalMs - i * 60_000, kind: 'abc'[i % 3], size: i % 101 }),
  );
  writeFileSync(file, lines.join('\n'));
  const [input] = inputFiles([file]);
  if (input === undefined) throw new Error('no input');
  const job: StaticJob = {
    files: [input],
    units: unitsOf([input], 2000),
    next: new SharedArrayBuffer(4),
    bytesRead: new SharedArrayBuffer(8),
    bundle: '',
    arrivalMs,
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const workers = await Promise.all([
    runJob(job, pipeline, turn),
    runJob(job, pipeline, turn),
    runJob(job, pipeline, turn),
  ]);
  const parts = workers.flatMap((worker) => worker.parts.map(({ part }) => part));
  for (const part of parts) expect(part.counters.received).toBeGreaterThan(0);
  expect(plain(staticAnswer(pipeline, parts))).toEqual(oracle(lines));
});

test('invalid UTF-8 is rejected as such, and a replacement character that was written is not', async () => {
  const file = path.join(folder, 'encoding.json');
  const good = Buffer.from(`{"at":${arrivalMs},"kind":"\ufffd"}\n`);
  const bad = Buffer.from(`{"at":${arrivalMs},"kind":"?"}\n`);
  bad[bad.indexOf('?')] = 0xff;
  writeFileSync(file, Buffer.concat([good, bad, good, bad.subarray(0, -1)]));
  const result = await runStatic({ pipeline, bundle: '', files: inputFiles([file]), arrivalMs, workers: 1 });
  expect(result.counters).toMatchObject({ received: 4, counted: 2, rejected: 2 });
  expect(result.rejected.map(({ line: number, reason }) => [number, reason])).toEqual([
    [2, 'encoding'],
    [4, 'encoding'],
  ]);
});

test('the first rejected lines are named by file and line however the files are cut', async () => {
  const paths = ['a', 'b'].map((name) => path.join(folder, `named-${name}.json`));
  const ok = JSON.stringify({ at: arrivalMs, kind: 'a' });
  for (const file of paths) writeFileSync(file, `${ok}\n\n${ok}\n{\r\n${ok}\n${ok}\n{"at":2e12,"kind":"a"}\n{}\n`);
  for (const mostPieceBytes of [1, 10, 50, 77, 1000]) {
    const { rejected } = await runStatic({
      pipeline,
      bundle: '',
      files: inputFiles(paths),
      arrivalMs,
      workers: 1,
      mostPieceBytes,
    });
    expect(rejected.map((sample) => [sample.path, sample.line, sample.reason])).toEqual([
      [paths[0], 4, 'unparsable'],
      [paths[0], 7, 'future'],
      [paths[0], 8, 'schema'],
      [paths[1], 4, 'unparsable'],
      [paths[1], 7, 'future'],
    ]);
  }
});

test('no lines at all give no windows', async () => {
  const file = path.join(folder, 'empty.json');
  writeFileSync(file, '');
  const result = await runStatic({ pipeline, bundle: '', files: inputFiles([file]), arrivalMs, workers: 4 });
  expect(result).toMatchObject({ windows: [], rejected: [], counters: { received: 0 } });
});

test('a run that is aborted between two units throws the reason', async () => {
  const file = path.join(folder, 'shared.json');
  const controller = new AbortController();
  const reason = new Error('stop');
  // Between the first unit and the second: threads pause there for what else waits.
  setImmediate(() => controller.abort(reason));
  const run = runStatic({
    pipeline,
    bundle: '',
    files: inputFiles([file, file, file]),
    arrivalMs,
    workers: 1,
    mostPieceBytes: 1000,
    signal: controller.signal,
  });
  await expect(run).rejects.toBe(reason);
});
