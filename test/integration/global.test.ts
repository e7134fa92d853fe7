import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { command } from '../fixtures/system/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-global-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pipelineFile = join(folder, 'running.ts');
writeFileSync(
  pipelineFile,
  `import * as z from 'zod';
import { count, definePipeline, global, sum, tumbling } from 'tidemark';
export default definePipeline({
  name: 'running',
  event: z.object({ time: z.number(), k: z.string().nullish(), x: z.number() }),
  eventTime: { of: (e) => e.time, unit: 's' },
  watermark: { delay: 0 },
  queries: {
    all: { window: global(), groupBy: ['k'], aggregates: { n: count(), s: sum('x') } },
    hourly: { window: tumbling('1 hour'), aggregates: { n: count() } },
  },
});
`,
);
const events = join(folder, 'events.ndjson');
const times = [1, 2, 3700, 7300];
writeFileSync(
  events,
  times.map((time, i) => `${JSON.stringify({ time, k: [null, '', 'a'][i % 3], x: i })}\n`).join(''),
);

describe('global()', () => {
  it.each([[[]], [['--totals', 'k']]])('gives the same rows in batch and in stream, with %j', async (more) => {
    const rowsOf = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await command([...words, events, '--pipeline', pipelineFile, '--json', ...more]);
      expect(code, stderr).toBe(0);
      return stdout.trim().split('\n').slice(0, -1);
    };
    const batch = await rowsOf('batch');
    expect(await rowsOf('stream', '--shards', '1')).toEqual(batch);
    const all = batch.map((line) => JSON.parse(line)).filter(({ query }) => query === 'all');
    expect(all.map(({ key, values }) => [key.k, values.n, values.s])).toEqual([
      [null, 2, 3],
      ['', 1, 1],
      ['a', 1, 2],
    ]);
    // A window without an end is never final.
    if (more.length === 0)
      expect(all.map(({ status, revision }) => [status, revision])).toEqual(all.map(() => ['open', null]));
  });
});
