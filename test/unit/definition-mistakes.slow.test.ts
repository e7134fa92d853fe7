import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadPipeline } from '../../cli/program/pipeline-file.ts';
import { pipelineOf } from '../../infra/pipeline-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-mistakes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Lesson {
  readonly zod?: string;
  readonly imports?: string;
  readonly event?: string;
  readonly watermark?: string;
  readonly groupBy?: string;
  readonly window?: string;
  readonly aggregates?: string;
}

let files = 0;

function fileOf({
  zod = "import * as z from 'zod';",
  imports = 'count, countIf, sum, avg, min, argMax, rollup, definePipeline, tumbling',
  event = "z.object({ time: z.number(), action: z.enum(['Open', 'Close']), amount: z.number(), price: z.string(), on: z.boolean() })",
  watermark = "watermark: { delay: '1 hour' },",
  groupBy = "['action']",
  window = "tumbling('1 hour')",
  aggregates = 'count: count()',
}: Lesson): string {
  const file = join(folder, `lesson-${files++}.ts`);
  const lines = [
    zod,
    `import { ${imports} } from 'tidemark';`,
    'export default definePipeline({',
    `  name: 'my-lesson', event: ${event},`,
    "  eventTime: { of: (event) => event.time, unit: 's' },",
    `  ${watermark}`,
    `  queries: { perHour: { groupBy: ${groupBy}, window: ${window}, aggregates: { ${aggregates} } } },`,
    '});',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const mistakes: readonly (readonly [title: string, lesson: Lesson, says: readonly RegExp[]])[] = [
  ['a misspelt field to group by', { groupBy: "['acton']" }, [/perHour\.groupBy/, /"acton"/, /did you mean 'action'/]],
  ['a misspelt field of a rollup', { groupBy: "rollup('acton')" }, [/perHour\.groupBy/, /did you mean 'action'/]],
  ['a misspelt field to sum', { aggregates: "n: sum('amnt')" }, [/perHour\.aggregates\.n/, /did you mean 'amount'/]],
  ['a misspelt second field', { aggregates: "n: argMax('action', 'amuont')" }, [/did you mean 'amount'/]],
  ['a field that is nowhere', { aggregates: "n: avg('zzzz')" }, [/"zzzz"/, /name one of time, action/]],
  [
    'a sum of words',
    { aggregates: "n: sum('action')" },
    [/perHour\.aggregates\.n: sum\('action'\)/, /neither a number/],
  ],
  ['a sum of truths', { aggregates: "n: sum('on')" }, [/sum\('on'\)/, /neither a number/]],
  ['a least text', { aggregates: "n: min('price')" }, [/min\('price'\)/, /not a number/]],
  ['an argument of count', { aggregates: "n: count('action')" }, [/count\("action"\)/, /no argument/, /countIf/]],
  ['two aggregates of one name', { aggregates: 'n: count(), n: count()' }, [/:7:\d+: /, /"n"/, /rename/]],
  ['a bare number for a window', { window: 'tumbling(3600)' }, [/tumbling size: 3600/, /'3600 s' or \{ ms: 3600 \}/]],
  ['a bare number for a delay', { watermark: 'watermark: { delay: 5 },' }, [/watermark\.delay: 5/, /\{ ms: 5 \}/]],
  ['no watermark', { watermark: '' }, [/watermark is missing: write \{ delay: '1 hour' \}/]],
  ['no delay', { watermark: 'watermark: {},' }, [/watermark\.delay is missing: write delay: '1 hour'/]],
  ['no window', { window: 'undefined' }, [/queries\.perHour\.window is missing: write window: tumbling\(/]],
  [
    'no import of sum',
    { imports: 'count, definePipeline, tumbling', aggregates: "n: sum('amount')" },
    [/\.ts:7: sum is not defined: add import \{ sum \} from 'tidemark'/],
  ],
  ['no import of zod', { zod: '' }, [/\.ts:4: z is not defined: add import \* as z from 'zod'/]],
  ['a package that is misspelt', { zod: "import * as z from 'zodd';" }, [/:1:\d+: /, /"zodd"/, /did you mean 'zod'/]],
];

describe('a mistake in a pipeline file', () => {
  it.each(mistakes)('is told in one line with the remedy: %s', async (_title, lesson, says) => {
    const file = fileOf(lesson);
    const message = await loadPipeline(file).then(String, (error: Error) => error.message);
    for (const part of says) expect(message).toMatch(part);
    expect(message).not.toContain('\n');
  });

  it.each(mistakes)('is refused by the construct of the CDK too: %s', (_title, lesson, says) => {
    const file = fileOf(lesson);
    const refusal = () => pipelineOf(file);
    for (const part of says) expect(refusal).toThrow(part);
  });
});

it('is told with its line where the message names no query: of a window, of an aggregate', () => {
  // In a process of its own: vitest has stack traces of its own.
  const launcher = join(import.meta.dirname, '../../cli/tidemark.mjs');
  const lines = [{ window: 'tumbling(3600)' }, { aggregates: "n: count('action')" }].map((lesson) => {
    const file = fileOf(lesson);
    const words = [launcher, 'batch', file, '--pipeline', file];
    const { stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    return /\.ts:(\d+): /.exec(stderr)?.[1] ?? stderr;
  });
  expect(lines).toEqual(['7', '7']);
});

describe('a pipeline file', () => {
  const wide: readonly (readonly [title: string, lesson: Lesson])[] = [
    ['sums text that may hold numbers', { aggregates: "n: sum('price')" }],
    [
      'names any field of an open schema',
      { event: 'z.looseObject({ time: z.number() })', aggregates: "n: sum('amnt')" },
    ],
    [
      'names any field of what a function makes',
      {
        event: 'z.object({ time: z.number() }).transform((event) => ({ ...event, action: 1 }))',
      },
    ],
    [
      'names a field of one kind of its events',
      {
        event: 'z.union([z.object({ time: z.number(), action: z.string() }), z.object({ time: z.number() })])',
      },
    ],
    [
      'has durations of 0 and of milliseconds',
      { watermark: 'watermark: { delay: 0 },', window: 'tumbling({ ms: 5 })' },
    ],
  ];

  it.each(wide)('%s', async (_title, lesson) => {
    expect((await loadPipeline(fileOf(lesson))).queries).toHaveLength(1);
  });
});
