import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, session, sliding, tumbling } from '../../functions/core/index.ts';
import { edgesPassed, leastEdgePassed } from '../../functions/core/log/due.ts';
import { cumulate } from '../../functions/core/windows/cumulate.ts';

const ms = (least: number, most: number) => fc.integer({ min: least, max: most });
const windows = fc.oneof(
  fc.tuple(ms(2, 30), ms(0, 1)).map(([size, offset]) => tumbling({ ms: size }, { offset: { ms: offset } })),
  fc.tuple(ms(1, 30), ms(1, 30)).map(([a, b]) => sliding({ ms: Math.max(a, b) }, { ms: Math.min(a, b) })),
  fc.tuple(ms(1, 6), ms(1, 6)).map(([steps, step]) => cumulate({ ms: steps * step }, { ms: step })),
  fc
    .tuple(ms(1, 30), ms(1, 30))
    .map(([a, b]) => session({ ms: Math.max(a, b) }, { resolution: { ms: Math.min(a, b) } })),
);
const queries = fc.array(fc.record({ window: windows, latenessMs: ms(0, 40) }), { minLength: 1, maxLength: 3 });

it('an epoch is due exactly when one of all moments up to the watermark is an end or a closing', () => {
  fc.assert(
    fc.property(queries, ms(-100, 100), ms(0, 60), (given, closedThrough, distance) => {
      const pipeline = definePipeline({
        name: 'due',
        event: z.object({ time: z.number() }),
        eventTime: { of: (event) => event.time, unit: 'ms' },
        watermark: { delay: 0 },
        queries: Object.fromEntries(
          given.map(({ window, latenessMs }, i) => [
            `q${i}`,
            { window, allowedLateness: { ms: latenessMs }, aggregates: { count: count() } },
          ]),
        ),
      });
      const watermark = closedThrough + distance;
      const moments: number[] = [];
      for (let moment = closedThrough + 1; moment <= watermark; moment++) {
        const isEdge = pipeline.queries.some(({ definedKind, window }) => {
          if (window.sessions === undefined)
            return definedKind.emit(moment).length > 0 || window.emit(moment).length > 0;
          for (let last = moment - 200; last <= moment; last++)
            if (window.sessions.closingOf(last) === moment) return true;
          return false;
        });
        if (isEdge) moments.push(moment);
      }
      expect(edgesPassed(pipeline, closedThrough, watermark)).toBe(moments.length > 0);
      const least = leastEdgePassed(pipeline, closedThrough, watermark);
      if (least !== undefined) expect(moments).toContain(least);
    }),
    { numRuns: 300 },
  );
});
