import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { count, definePipeline, session, tumbling } from '../../functions/core/index.ts';
import { createDelayTable, type DelayRow } from '../../functions/core/static/delay-table.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import earthquakes from '../../pipelines/earthquakes.ts';

const arrivalMs = 1_600_000_000_000;

function pipelineOf(...windows: readonly WindowKind[]): Pipeline {
  return definePipeline({
    name: 'test',
    event: z.object({ at: z.number(), want: z.boolean() }),
    eventTime: { of: (event) => event.at, unit: 'ms' },
    watermark: { delay: 0 },
    queries: Object.fromEntries(
      windows.map((window, i) => [
        `q${i}`,
        { where: ({ want }: { readonly want: boolean }) => want, window, aggregates: { n: count() } },
      ]),
    ),
  });
}

function tableOf(pipeline: Pipeline, texts: readonly string[], delaysMs: readonly number[]): readonly DelayRow[] {
  const table = createDelayTable(pipeline, delaysMs);
  for (const text of texts) {
    const read = eventReader(pipeline).text(text, arrivalMs);
    if (read.outcome === 'accepted') table.add(read);
  }
  return table.rows();
}

function wanted(...times: readonly number[]): string[] {
  return times.map((at) => JSON.stringify({ at, want: true }));
}

test('an event is late exactly when the watermark has reached the end of its window before it', () => {
  // Windows of 10. After 12, the watermark of delay 0 is 12 (closed: 0-10), that of delay 2 is 10 (closed: 0-10), and
  // that of delay 3 is 9.
  expect(tableOf(pipelineOf(tumbling({ ms: 10 })), wanted(5, 12, 9, 11, 25, 3, 14), [0, 2, 3, 100])).toMatchObject([
    { delayMs: 0, events: 7, late: 3, latePairs: 3, windows: 3, affected: 2, closed: 2, waitMs: 2 },
    { delayMs: 2, events: 7, late: 3, latePairs: 3, windows: 3, affected: 2, closed: 2, waitMs: 2 },
    { delayMs: 3, events: 7, late: 2, latePairs: 2, windows: 3, affected: 2, closed: 2, waitMs: 5 },
    { delayMs: 100, events: 7, late: 0, latePairs: 0, windows: 3, affected: 0, closed: 0, waitMs: undefined },
  ]);
});

test('an event that no query wants raises the watermark and is not late itself', () => {
  const texts = [
    ...wanted(5),
    JSON.stringify({ at: 30, want: false }),
    JSON.stringify({ at: 1, want: false }),
    ...wanted(6),
  ];
  expect(tableOf(pipelineOf(tumbling({ ms: 10 })), texts, [0])).toMatchObject([
    { events: 2, late: 1, windows: 1, affected: 1, closed: 1, waitMs: 20 },
  ]);
});

test('an event that one of two queries still takes is not late, and its refused pair is counted', () => {
  expect(tableOf(pipelineOf(tumbling({ ms: 10 }), tumbling({ ms: 100 })), wanted(5, 12, 9), [0])).toMatchObject([
    { events: 3, late: 0, latePairs: 1, windows: 3, affected: 1, closed: 1, waitMs: 2 },
  ]);
});

test('each query is judged by what it wants, and the delay keeps the share in all of them', () => {
  const both = pipelineOf(tumbling({ ms: 10 }), tumbling({ ms: 1000 }));
  const texts = wanted(5, 12, 9, 11, 25, 3, 14);
  const tables = [both, pipelineOf(tumbling({ ms: 10 }))].map((pipeline) => {
    const table = createDelayTable(pipeline, [0]);
    for (const text of texts) {
      const read = eventReader(pipeline).text(text, arrivalMs);
      if (read.outcome === 'accepted') table.add(read);
    }
    return table;
  });
  const [beside, alone] = tables;
  expect(beside?.rows()[0]).toMatchObject({ events: 7, late: 0, queries: [{ query: 'q0' }, { query: 'q1', late: 0 }] });
  expect(beside?.rows()[0]?.queries[0]).toEqual(alone?.rows()[0]?.queries[0]);
  const keeping = beside?.delayFor(0.8);
  expect(keeping).toMatchObject({ worst: 'q0', eventsDelayMs: 0, queries: { q1: 0 } });
  expect(keeping?.delayMs).toBe(alone?.delayFor(0.8).delayMs);
  expect(keeping?.delayMs).toBeGreaterThan(0);
});

/** Sliding windows made of the same three functions: the test must hold for kinds that do not exist yet. */
function sliding(size: number, step: number): WindowKind {
  return {
    label: 'sliding',
    sliceMs: step,
    sliceOf: (time) => Math.floor(time / step) * step,
    closings: (slice) => Array.from({ length: size / step }, (_, i) => slice + (i + 1) * step),
    emit: (closing) => [
      {
        start: closing - size,
        end: closing,
        slices: Array.from({ length: size / step }, (_, i) => closing - size + i * step),
      },
    ],
  };
}

test('with overlapping windows an event is late when all of its windows are closed', () => {
  expect(tableOf(pipelineOf(sliding(20, 10)), wanted(5, 12, 8, 21, 9), [0])).toMatchObject([
    { events: 5, late: 1, latePairs: 3, affected: 2 },
  ]);
});

/** The table by definition: window by window and event by event, with all history kept. */
function naive(
  times: readonly number[],
  sizeMs: number,
  delayMs: number,
): { readonly late: number; readonly affected: number } {
  const affected = new Set<number>();
  let late = 0;
  for (const [i, time] of times.entries()) {
    const end = Math.floor(time / sizeMs) * sizeMs + sizeMs;
    if (times.slice(0, i).some((before) => before - delayMs >= end)) {
      late++;
      affected.add(end);
    }
  }
  return { late, affected: affected.size };
}

test('late events and affected windows are those of a loop that looks back at everything', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -300, max: 300 }), { maxLength: 60 }),
      fc.array(fc.nat(400), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 120 }),
      (times, delays, size) => {
        const rows = tableOf(pipelineOf(tumbling({ ms: size })), wanted(...times), delays);
        expect(rows.map(({ late, affected }) => ({ late, affected }))).toEqual(
          delays.map((delay) => naive(times, size, delay)),
        );
      },
    ),
  );
});

test('the earthquakes of a week need a delay of days, as a plain loop confirms', () => {
  const texts = readFileSync(path.join(import.meta.dirname, '../../examples/earthquakes/earthquakes.ndjson'), 'utf8')
    .trimEnd()
    .split('\n');
  const events = texts.map((text) => JSON.parse(text) as { time: number; mag: number | null });
  const hour = 3_600_000;
  const delays = [0, hour, 6 * hour, 24 * hour, 168 * hour];
  const late = delays.map((delay) => {
    let greatest = Number.NEGATIVE_INFINITY;
    let count = 0;
    for (const { time, mag } of events) {
      if (mag !== null && mag >= 1 && Math.floor(time / (24 * hour)) * 24 * hour + 24 * hour <= greatest - delay)
        count++;
      greatest = Math.max(greatest, time);
    }
    return count;
  });
  const rows = tableOf(earthquakes, texts, delays);
  expect(rows.map((row) => row.late)).toEqual(late);
  expect(late[0]).toBeGreaterThan(200);
  expect(late.at(-1)).toBe(0);
});

test('the delay for a share of the events keeps it, and one millisecond less does not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.integer({ min: 0, max: 300 }), shard: fc.constantFrom('a', 'b') }), {
        minLength: 1,
        maxLength: 60,
      }),
      fc.constantFrom(0, 0.5, 0.9, 0.99, 1),
      fc.constantFrom(tumbling({ ms: 10 }), sliding(30, 10)),
      (events, share, window) => {
        const pipeline = pipelineOf(window);
        const run = (delays: readonly number[]) => {
          const table = createDelayTable(pipeline, delays);
          for (const { at, shard } of events) {
            const read = eventReader(pipeline).text(JSON.stringify({ at, want: true }), arrivalMs);
            if (read.outcome === 'accepted') table.add(read, shard);
          }
          return table;
        };
        const delay = run([]).delayFor(share).delayMs;
        const [less, enough] = run([Math.max(0, delay - 1), delay]).rows();
        const kept = (row: DelayRow | undefined) => (events.length - (row?.late ?? 0)) / events.length;
        expect(kept(enough)).toBeGreaterThanOrEqual(share);
        if (delay > 0) expect(kept(less)).toBeLessThan(share);
      },
    ),
  );
});

test('a shard is measured by its own watermark', () => {
  const pipeline = pipelineOf(tumbling({ ms: 10 }));
  const table = createDelayTable(pipeline, [0]);
  for (const [at, shard] of [
    [5, 'a'],
    [100, 'b'],
    [6, 'a'],
    [20, 'a'],
    [7, 'a'],
  ] as const) {
    const read = eventReader(pipeline).text(JSON.stringify({ at, want: true }), arrivalMs);
    if (read.outcome === 'accepted') table.add(read, shard);
  }
  expect(table.rows()[0]?.late).toBe(1);
  expect(table.delayFor(1).delayMs).toBe(11);
});

test('of sessions a record is late by its own gap, and a session that misses one is affected, whatever it becomes later', () => {
  // Gap 10. With delay 0, 8 comes at W = 20 (8 + 10 <= 20) and is late. With all records there is one session from 0 to
  // 30. With delay 3, 8 is in time, though 0 is final by then: two are closed.
  expect(
    tableOf(pipelineOf(session({ ms: 10 }, { resolution: { ms: 1 } })), wanted(0, 16, 20, 8, 30, 100), [0, 2, 3]),
  ).toMatchObject([
    { delayMs: 0, events: 6, late: 1, latePairs: 1, windows: 2, affected: 1, closed: 2, waitMs: 6 },
    { delayMs: 2, events: 6, late: 1, latePairs: 1, windows: 2, affected: 1, closed: 2, waitMs: 6 },
    { delayMs: 3, events: 6, late: 0, latePairs: 0, windows: 2, affected: 0, closed: 2, waitMs: 6 },
  ]);
});

test('the sessions of the table are those of the batch, whatever comes first', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 12 }),
      (times, gap) => {
        const pipeline = pipelineOf(session({ ms: gap }));
        const run = createStaticRun(pipeline);
        for (const text of wanted(...times)) run.add(text, arrivalMs);
        const { windows } = staticAnswer(pipeline, [run.part()]);
        expect(tableOf(pipeline, wanted(...times), [1_000_000])).toMatchObject([
          { windows: windows.length, affected: 0, late: 0 },
        ]);
      },
    ),
  );
});
