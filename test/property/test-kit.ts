import fc from 'fast-check';
import {
  calendar,
  count,
  countDistinct,
  cumulate,
  definePipeline,
  global,
  max,
  type Pipeline,
  type QuerySpec,
  rollup,
  session,
  sliding,
  sum,
  tumbling,
} from 'tidemark';
import { type RunOptions, runPipeline, testPipeline } from 'tidemark/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';

/** The kit against the engine of `tidemark batch`: one pass over all events, without logs, epochs and shards. */

const startMs = Date.UTC(2026, 2, 28, 22);
/** Events lie within this time: the delay after which none of them is late. */
const spanMs = 6 * 3_600_000;

const windows = {
  tumbling: tumbling('30 minutes'),
  sliding: sliding('1 hour', '20 minutes'),
  cumulate: cumulate('2 hours', '30 minutes'),
  calendar: calendar('day', { timeZone: 'Europe/Berlin' }),
  session: session('7 minutes'),
  global: global(),
} as const;
type Kind = keyof typeof windows;

const event = z.object({
  time: z.number(),
  user: z.enum(['a', 'b', 'c']),
  page: z.string().nullish(),
  n: z.number(),
  id: z.string().optional(),
});

interface Made {
  readonly kinds: readonly Kind[];
  readonly group: 'none' | 'field' | 'function' | 'rollup';
  readonly delayMs: number;
  readonly latenessMs: number;
  readonly early: boolean;
  readonly dedup: boolean;
  readonly empty: boolean;
}

function pipelineOf({ kinds, group, delayMs, latenessMs, early, dedup, empty }: Made): Pipeline {
  const groupBy = {
    none: [],
    field: ['user', 'page'],
    function: { big: (one: { n: number }) => one.n > 5 },
    rollup: rollup('user', 'page'),
  } as const;
  const aggregates = { n: count(), total: sum('n'), most: max('n'), pages: countDistinct('page') };
  const queries: Record<string, QuerySpec<z.output<typeof event>>> = Object.fromEntries(
    kinds.map((kind, i) => {
      const hasPanes = kind !== 'session' && kind !== 'global';
      return [
        i % 2 === 0 ? kind : `${kind}@2`,
        {
          ...(i === 1 ? { where: (one: { n: number }) => one.n !== 3 } : {}),
          groupBy: groupBy[group] as [],
          window: windows[kind],
          aggregates,
          ...(kind === 'global' ? {} : { allowedLateness: { ms: latenessMs } }),
          ...(hasPanes && early ? { emit: { early: '5 minutes' as const } } : {}),
          ...(hasPanes && empty && group === 'none' ? { emptyWindows: true } : {}),
        },
      ];
    }),
  );
  return definePipeline({
    name: 'random',
    event,
    eventTime: { of: (one) => one.time, unit: 'ms' },
    watermark: { delay: { ms: delayMs } },
    ...(dedup ? { dedup: { by: (one: { id?: string | undefined }) => one.id, within: '1 day' } } : {}),
    queries,
  });
}

const made = (delays: fc.Arbitrary<number>): fc.Arbitrary<Made> =>
  fc.record({
    kinds: fc.uniqueArray(fc.constantFrom(...(Object.keys(windows) as Kind[])), { minLength: 1, maxLength: 3 }),
    group: fc.constantFrom('none', 'field', 'function', 'rollup'),
    delayMs: delays,
    latenessMs: fc.constantFrom(0, 20 * 60_000),
    early: fc.boolean(),
    dedup: fc.boolean(),
    empty: fc.boolean(),
  });

const oneEvent = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      time: fc.integer({ min: startMs, max: startMs + spanMs }),
      user: fc.constantFrom('a', 'b', 'c'),
      page: fc.constantFrom('x', 'y', null, undefined),
      n: fc.integer({ min: 0, max: 10 }),
      id: fc.option(fc.constantFrom('1', '2', '3', '4', '5', '6'), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom('garbage', '{"time":"x"}', '{}') },
);

const deliveries: fc.Arbitrary<NonNullable<RunOptions['deliveries']>> = fc.oneof(
  fc.constant('hostile' as const),
  fc.record({
    retry: fc.integer({ min: 0, max: 2 }),
    crashAfter: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant('random' as const)),
    batches: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('random' as const)),
  }),
);

/** The rows of the engine of `tidemark batch`, as the kit gives rows. */
function staticRows(pipeline: Pipeline, events: readonly unknown[]) {
  const run = createStaticRun(pipeline);
  for (const one of events) run.add(typeof one === 'string' ? one : JSON.stringify(one), startMs + spanMs);
  const { counters, windows: found } = staticAnswer(pipeline, [run.part()]);
  const rows = Object.fromEntries(
    pipeline.queries.map(({ name }) => [
      name,
      found
        .filter(({ query }) => query === name)
        .flatMap(({ start, end, rows: own }) => own.map((row) => ({ start, end, ...row }))),
    ]),
  );
  return { counters, rows };
}

const allRows = (pipeline: Pipeline, run: { rows(query: string): unknown }) =>
  Object.fromEntries(pipeline.queries.map(({ name }) => [name, run.rows(name)]));

/** @param numRuns random cases of each property */
export function testKitProperties(numRuns: number): void {
  describe('a pipeline in memory', () => {
    it('has the rows and the classes of one pass over its events, however hostile their delivery', async () => {
      await fc.assert(
        fc.asyncProperty(
          made(fc.constantFrom(0, 300_000, 86_400_000)),
          fc.array(oneEvent, { maxLength: 60 }),
          fc.integer({ min: 1, max: 4 }),
          fc.integer(),
          deliveries,
          async (spec, events, shards, seed, how) => {
            const pipeline = pipelineOf(spec);
            const run = await runPipeline(pipeline, { events, shards, seed, deliveries: how });
            const { counters, rows } = staticRows(pipeline, events);
            expect(allRows(pipeline, run)).toEqual(rows);
            expect(run.conservation).toMatchObject(counters);
          },
        ),
        { numRuns },
      );
    });

    it('has them too when events come in any number of puts, within the delay', async () => {
      await fc.assert(
        fc.asyncProperty(
          made(fc.constant(spanMs)),
          fc.array(fc.array(oneEvent, { maxLength: 12 }), { maxLength: 8 }),
          fc.integer({ min: 1, max: 3 }),
          fc.integer(),
          async (spec, puts, shards, seed) => {
            const pipeline = pipelineOf(spec);
            await using run = testPipeline(pipeline, { shards, seed, deliveries: 'hostile' });
            for (const events of puts) await run.put(events);
            await run.end();
            const { counters, rows } = staticRows(pipeline, puts.flat());
            expect(allRows(pipeline, run)).toEqual(rows);
            expect(run.conservation).toMatchObject(counters);
          },
        ),
        { numRuns },
      );
    });

    it('has the same rows, late events and classes with hostile deliveries as without, late events or not', async () => {
      await fc.assert(
        fc.asyncProperty(
          made(fc.constantFrom(0, 300_000, 3_600_000)),
          fc.array(
            fc.oneof(
              { weight: 3, arbitrary: fc.record({ put: fc.array(oneEvent, { maxLength: 12 }) }) },
              { weight: 1, arbitrary: fc.record({ waitMs: fc.integer({ min: 0, max: 600_000 }) }) },
              { weight: 1, arbitrary: fc.record({ advanceMs: fc.integer({ min: 0, max: spanMs }) }) },
            ),
            { maxLength: 8 },
          ),
          fc.integer({ min: 1, max: 3 }),
          fc.integer(),
          deliveries,
          async (spec, steps, shards, seed, how) => {
            const pipeline = pipelineOf(spec);
            const played = async (options: RunOptions) => {
              const run = testPipeline(pipeline, { shards, seed, ...options });
              for (const step of steps) {
                if ('put' in step) await run.put(step.put);
                else if ('waitMs' in step) await (run.clock === undefined ? undefined : run.wait({ ms: step.waitMs }));
                else await run.advanceTo(Math.max(run.watermark ?? 0, startMs + step.advanceMs));
              }
              const { watermark } = run;
              await run.end();
              const { late, rejected, conservation } = run;
              return { rows: allRows(pipeline, run), late, rejected, conservation, watermark };
            };
            expect(await played({ deliveries: how })).toEqual(await played({}));
          },
        ),
        { numRuns },
      );
    });
  });
}
