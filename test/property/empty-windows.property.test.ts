import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  calendar,
  count,
  cumulate,
  definePipeline,
  type QuerySpec,
  sliding,
  sum,
  tumbling,
} from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import type { FeedPlace } from '../../functions/state/epochs/feed-place.ts';
import { readFinals } from '../../functions/state/epochs/window-feed.ts';
import { readPanes } from '../../functions/state/windows/pane-reader.ts';

import { memoryTable } from '../../functions/testing/memory-table.ts';
import { firstArrival, protocolWorld } from './protocol-world.ts';

const hourMs = 3_600_000;
const schema = z.object({ time: z.number(), wanted: z.boolean() });
type Event = z.infer<typeof schema>;

/**
 * Kinds of windows, with the range of the times of their events: offsets of either sign, windows before 1970, days of
 * 23 and of 25 hours.
 */
const kinds: readonly (readonly [name: string, kind: WindowKind, from: number, to: number])[] = [
  ['tumbling', tumbling('1 hour'), -40 * hourMs, 40 * hourMs],
  ['tumbling, positive offset', tumbling('1 hour', { offset: '20 minutes' }), -40 * hourMs, 0],
  ['tumbling, negative offset', tumbling('1 hour', { offset: '-20 minutes' }), -20 * hourMs, 20 * hourMs],
  ['sliding', sliding('3 hours', '1 hour', { offset: '-10 minutes' }), -20 * hourMs, 20 * hourMs],
  ['sliding, slide does not divide', sliding('150 minutes', '1 hour'), -20 * hourMs, 20 * hourMs],
  ['cumulate', cumulate('6 hours', '1 hour', { offset: '2 hours' }), -20 * hourMs, 20 * hourMs],
  [
    'days of 23 hours',
    calendar('day', { timeZone: 'Europe/Berlin' }),
    Date.parse('2026-03-20T00:00:00Z'),
    Date.parse('2026-04-08T00:00:00Z'),
  ],
  [
    'days of 25 hours',
    calendar('day', { timeZone: 'America/Los_Angeles' }),
    Date.parse('2026-10-20T00:00:00Z'),
    Date.parse('2026-11-10T00:00:00Z'),
  ],
  [
    '4 hours on the clocks of a zone',
    tumbling('4 hours', { timeZone: 'America/Los_Angeles' }),
    Date.parse('2021-03-12T00:00:00Z'),
    Date.parse('2021-03-17T00:00:00Z'),
  ],
  ['weeks', calendar('week', { timeZone: 'UTC', weekStart: 'sunday' }), Date.UTC(1969, 9), Date.UTC(1970, 3)],
];

function pipelineOf(kind: WindowKind, spec: Partial<QuerySpec<Event>>) {
  return definePipeline({
    name: 'empty',
    event: schema,
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0, maxFutureSkew: '36500 days' },
    queries: {
      gaps: {
        window: kind,
        where: (event) => event.wanted,
        aggregates: { n: count(), total: sum((event: Event) => event.time) },
        ...spec,
      },
      others: { window: tumbling('1 day'), aggregates: { n: count() } },
    },
  });
}

const cumulated = kinds.find(([name]) => name === 'cumulate') ?? kinds[0];

const named = fc.constantFrom(...kinds);
const places = fc.array(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), wanted: fc.boolean(), finalize: fc.boolean() }),
  {
    minLength: 1,
    maxLength: 12,
  },
);
const lateness = fc.constantFrom(0, hourMs / 2, 5 * hourMs);
const choice = fc.constantFrom(undefined, true as const, { most: 1 }, { most: 3 });

describe('a stream and the static query', () => {
  it('have the same windows, empty ones too, and a reader of append gets each of them once', async () => {
    await fc.assert(
      fc.asyncProperty(
        named,
        places,
        lateness,
        choice,
        fc.boolean(),
        async ([, kind, from, to], drawn, allowedLateness, emptyWindows, begins) => {
          const events = drawn
            .map(({ at, ...rest }) => ({ ...rest, time: Math.floor(from + at * (to - from)) }))
            .sort((left, right) => left.time - right.time);
          const begin = kind.sliceOf(Math.floor(from + (to - from) / 3));
          const pipeline = pipelineOf(kind, {
            allowedLateness: { ms: allowedLateness },
            ...(emptyWindows === undefined ? {} : { emptyWindows }),
            ...(begins && kind.emit(kind.closings(begin)[0] ?? 0)[0]?.start === begin
              ? { from: new Date(begin).toISOString() }
              : {}),
          });
          const texts = events.map(({ time, wanted }) => JSON.stringify({ time, wanted }));
          const world = protocolWorld(
            pipeline,
            texts.map((text) => ({ text, shard: 0 })),
            1,
            1,
          );
          const aggregator = world.aggregator(0);
          const tables = {
            pipeline,
            state: memoryTable(world.stores.state),
            windows: memoryTable(world.stores.windows),
          };
          const [query] = pipeline.queries;
          if (query === undefined) throw new Error('no query');
          const all = { from: -1e14, to: 1e14, limit: 10_000 };
          const got: (readonly [number, number])[] = [];
          let place: FeedPlace | undefined;
          const poll = async () => {
            const { views, placeAfter } = await readFinals(tables, query, all, place, firstArrival);
            for (const view of views) got.push([view.start, view.end]);
            place = placeAfter(views.length);
          };
          for (const [i, record] of (world.logs[0] ?? []).entries()) {
            await aggregator.apply([record], () => 60_000);
            if (!events[i]?.finalize) continue;
            await world.finalize();
            await poll();
          }
          let drains = 0;
          while (!(await world.finalize('drain')).drained) expect(drains++).toBeLessThan(10);
          await poll();
          const run = createStaticRun(pipeline);
          for (const text of texts) run.add(text, 1_700_000_000_000);
          const expected = staticAnswer(pipeline, [run.part()])
            .windows.filter((window) => window.query === 'gaps')
            .map(({ start, end, records, rows }) => ({ start, end, records, rows }));
          const panes = await readPanes(tables.windows, query, { ...all, order: 'ascending', finalOnly: true });
          expect(panes.map(({ start, end, records, rows }) => ({ start, end, records, rows }))).toEqual(expected);
          expect(got).toEqual(expected.map(({ start, end }) => [start, end]));
          if (emptyWindows === undefined) expect(expected.every(({ records }) => records > 0)).toBe(true);
          const published = new Set(
            world.published.filter((pane) => pane.query === 'gaps').map(({ start, end }) => `${start}/${end}`),
          );
          expect(published.size).toBe(expected.length);
        },
      ),
      {
        numRuns: 120,
        // An error found by chance: behind a gap of windows that share a start, the search for the next window with
        // records began at that start again and again, without an end.
        examples: [
          [
            cumulated,
            [
              { at: 0.15, wanted: false, finalize: false },
              { at: 0, wanted: true, finalize: false },
            ],
            0,
            { most: 3 },
            false,
          ],
        ],
      },
    );
  });

  it('fill a gap with the identity, from the first window that holds something to where the stream has come', () => {
    const pipeline = pipelineOf(tumbling('1 hour'), { emptyWindows: true });
    const run = createStaticRun(pipeline);
    for (const [hour, wanted] of [
      [0, false],
      [2, true],
      [5, true],
      [7, false],
    ] as const)
      run.addParsed({ time: hour * hourMs, wanted }, 0);
    const windows = staticAnswer(pipeline, [run.part()]).windows.filter(({ query }) => query === 'gaps');
    expect(windows.map(({ start, rows }) => [start / hourMs, rows[0]?.values['n'], rows[0]?.values['total']])).toEqual([
      [2, 1, 2 * hourMs],
      [3, 0, null],
      [4, 0, null],
      [5, 1, 5 * hourMs],
      [6, 0, null],
      [7, 0, null],
    ]);
  });

  it('give of a gap of years only its first windows', () => {
    const pipeline = pipelineOf(tumbling('1 minute'), { emptyWindows: { most: 5 } });
    const run = createStaticRun(pipeline);
    for (const time of [0, Date.UTC(2026, 0)]) run.addParsed({ time, wanted: true }, 0);
    const windows = staticAnswer(pipeline, [run.part()]).windows.filter(({ query }) => query === 'gaps');
    expect(windows.map(({ start }) => start)).toEqual(
      [0, 1, 2, 3, 4, 5].map((minute) => minute * 60_000).concat(Date.UTC(2026, 0)),
    );
  });
});
