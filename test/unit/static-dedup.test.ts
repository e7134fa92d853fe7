import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { inputFiles } from '../../cli/input/input-file.ts';
import { countedOnce } from '../../cli/static/ids-across.ts';
import type { SharedJob } from '../../cli/static/job.ts';
import { unitsOf } from '../../cli/static/pieces.ts';
import { runStatic } from '../../cli/static/static-engine.ts';
import { runJob } from '../../cli/static/static-job.ts';
import { avg, count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { type StaticAnswer, staticAnswer } from '../../functions/core/static/static-run.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-dedup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const arrivalMs = 1_500_000_000_000;

const spec = {
  name: 'test',
  event: z.object({
    at: z.number(),
    id: z.union([z.string(), z.number()]).nullish(),
    kind: z.string(),
    size: z.number(),
  }),
  eventTime: { of: (event: { at: number }) => event.at, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    perHour: {
      where: (event: { size: number }) => event.size !== 7,
      groupBy: ['kind'],
      window: tumbling('1 hour'),
      aggregates: { count: count(), mean: avg('size') },
    },
  },
} as const;
const plainPipeline = definePipeline(spec);
const pipeline = definePipeline({
  ...spec,
  dedup: { by: (event: { id?: string | number | null | undefined }) => event.id, within: { ms: 1 } },
});

const event = fc.record({
  at: fc.integer({ min: arrivalMs - 5_000_000, max: arrivalMs }),
  id: fc.oneof(
    fc.integer({ min: 0, max: 30 }).map(String),
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom(null, undefined),
  ),
  kind: fc.constantFrom('a', 'b'),
  size: fc.integer({ min: 0, max: 9 }),
});

const rows = ({ windows, counters }: StaticAnswer) => ({
  counters,
  windows: windows.map(({ partials: _partials, ...window }) => window),
});

test('workers side by side, and one worker, count what is left when every event but the first of its id is taken out of the input', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { maxLength: 80 }),
      fc.integer({ min: 20, max: 600 }),
      fc.integer({ min: 2, max: 4 }),
      async (events, bytes, count) => {
        const seen = new Set<unknown>();
        const firsts = events.filter(({ id }) => id === null || id === undefined || (!seen.has(id) && seen.add(id)));
        const all = path.join(folder, 'all.json');
        const once = path.join(folder, 'once.json');
        writeFileSync(all, events.map((each) => `${JSON.stringify(each)}\n`).join(''));
        writeFileSync(once, firsts.map((each) => `${JSON.stringify(each)}\n`).join(''));
        const input = (file: string) => ({
          bundle: '',
          files: inputFiles([file]),
          arrivalMs,
          workers: 1,
          mostPieceBytes: bytes,
        });
        const expected = rows(await runStatic({ ...input(once), pipeline: plainPipeline }));
        const duplicate = events.length - firsts.length;
        const wanted = { ...expected, counters: { ...expected.counters, received: events.length, duplicate } };

        expect(rows(await runStatic({ ...input(all), pipeline }))).toEqual(wanted);

        const { files } = input(all);
        const job: SharedJob = { files, units: unitsOf(files, bytes), bundle: '', arrivalMs, idsBefore: [] };
        const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
        const workers = (work: SharedJob) => {
          const shared = { ...work, next: new SharedArrayBuffer(4), bytesRead: new SharedArrayBuffer(8) };
          return Promise.all(Array.from({ length: count }, () => runJob(shared, pipeline, turn)));
        };
        const parts = await countedOnce(job, await workers(job), workers);
        expect(
          rows(
            staticAnswer(
              pipeline,
              parts.map(({ part }) => part),
            ),
          ),
        ).toEqual(wanted);
      },
    ),
    { numRuns: 150 },
  );
});
