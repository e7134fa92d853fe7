import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { command } from '../fixtures/system/command-line.ts';
import { printedCounters } from '../fixtures/system/printed-counters.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-doubts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pipelineFile = join(folder, 'seconds.ts');
writeFileSync(
  pipelineFile,
  `import * as z from 'zod';
import { count, definePipeline, tumbling } from 'tidemark';
export default definePipeline({
  name: 'seconds',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: { q: { window: tumbling('1 hour'), aggregates: { n: count() } } },
});
`,
);
const events = join(folder, 'events.ndjson');
writeFileSync(events, [1_700_000_000, 1_700_003_600].map((time) => `${JSON.stringify({ time })}\n`).join(''));

it.each([
  ['batch', []],
  ['stream', ['--shards', '1']],
])('%s says once that times look like seconds, and counts them all the same', async (name, words) => {
  const { code, stderr } = await command([name, events, '--pipeline', pipelineFile, '--json', ...words]);
  expect(code, stderr).toBe(0);
  expect(stderr.match(/looks like seconds/g)).toHaveLength(1);
  expect(printedCounters(stderr)).toMatchObject({
    conservation: { received: 2, counted: 2, rejected: 0 },
  });
});
