import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { backfillPipeline } from '../../functions/core/definition/backfill.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function pipelineFrom(from: number | undefined, offset: number): Pipeline {
  return definePipeline({
    name: 'seam',
    event: z.object({ time: z.number(), kind: z.string(), amount: z.number() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0, maxFutureSkew: '1 day' },
    queries: {
      perKind: {
        groupBy: ['kind'],
        window: tumbling('1 hour', { offset: { ms: offset } }),
        aggregates: { n: count(), total: sum('amount') },
        ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
      },
    },
  });
}

it('counts every event on exactly one side of the seam', () => {
  const events = fc.array(
    fc.record({
      time: fc.integer({ min: -dayMs, max: dayMs }),
      kind: fc.constantFrom('a', 'b', 'c'),
      amount: fc.integer({ min: -9, max: 9 }),
    }),
    { maxLength: 200 },
  );
  const edge = fc.integer({ min: -24, max: 24 });
  const offset = fc.integer({ min: 1 - hourMs, max: hourMs - 1 });
  fc.assert(
    fc.property(events, edge, edge, offset, (given, one, other, offsetMs) => {
      const [since, from] = [Math.min(one, other - 1), Math.max(one + 1, other)].map(
        (hours) => hours * hourMs + offsetMs,
      ) as [number, number];
      const answer = (pipeline: Pipeline) => {
        const run = createStaticRun(pipeline);
        for (const event of given) run.addParsed(event, dayMs);
        return staticAnswer(pipeline, [run.part()]);
      };
      const live = pipelineFrom(from, offsetMs);
      const parts = [
        backfillPipeline(live, { query: 'perKind', since: Number.NEGATIVE_INFINITY, until: since }),
        backfillPipeline(live, { query: 'perKind', since, until: from }),
        live,
      ].map(answer);
      const whole = answer(pipelineFrom(undefined, offsetMs));
      expect(parts.flatMap(({ windows }) => windows)).toEqual(whole.windows);
      expect(parts.reduce((total, { counters }) => total + counters.counted, 0)).toBe(given.length);
    }),
  );
});
