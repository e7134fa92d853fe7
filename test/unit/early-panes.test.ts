import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count } from '../../functions/core/aggregates/index.ts';
import { definePipeline } from '../../functions/core/definition/define-pipeline.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Pane } from '../../functions/state/windows/pane.ts';
import { readPanes } from '../../functions/state/windows/pane-reader.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { publishedPane } from '../fixtures/published-pane.ts';

const minuteMs = 60_000;
const shardId = 'shardId-000000000000';
const all = { from: 0, to: 3_600_000, order: 'ascending', limit: 1 } as const;

function minutely(early: '30 seconds' | undefined): Pipeline {
  return definePipeline({
    name: 'early',
    event: z.object({ time: z.number(), key: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: '0 ms' },
    queries: {
      perMinute: {
        groupBy: ['key'],
        window: tumbling('1 minute'),
        aggregates: { count: count() },
        ...(early === undefined ? {} : { emit: { early } }),
      },
    },
  });
}

/** One shard, the tables in memory, and a clock that the test moves. */
function world(pipeline = minutely('30 seconds')) {
  const stores = { state: itemStore(), windows: itemStore(), rejects: itemStore() };
  const tables = {
    state: memoryTable(stores.state),
    windows: memoryTable(stores.windows),
    rejects: memoryTable(stores.rejects),
  };
  const published: Pane[] = [];
  const aggregator = shardAggregator({ ...logClock, pipeline, state: tables.state, rejects: tables.rejects, shardId });
  const [query] = pipeline.queries;
  if (query === undefined) throw new Error('no query');
  let nowMs = minuteMs;
  let put = 0;
  let runs = 0;
  return {
    published,
    stores,
    pass: (ms: number) => {
      nowMs += ms;
    },
    put: (events: readonly { readonly time: number; readonly key: string }[]) =>
      aggregator.apply(
        events.map((event) => {
          const text = JSON.stringify(event);
          const events = [{ text, subRecord: 0, bytes: () => Buffer.from(text) }];
          return { sequenceNumber: String(++put), arrival: nowMs, partitionKey: 'p', events };
        }),
        () => minuteMs,
      ),
    finalize: () =>
      finalize(
        {
          pipeline,
          state: tables.state,
          windows: tables.windows,
          stream: {
            identity: async () => ({ name: 'stream', createdAt: 0 }),
            listShards: async () => [{ shardId, closed: false }],
            tail: async () => 'more',
          },
          limit: pLimit(4),
          publish: async (pane) => void published.push(await publishedPane(tables.windows, pipeline, pane)),
          now: () => nowMs,
          runId: `run-${++runs}`,
          remainingMs: () => minuteMs,
          retentionMs: 24 * 60 * minuteMs,
        },
        'advance',
      ),
    read: (status: 'all' | 'open' | 'final') =>
      readWindows({ pipeline, ...tables }, query, { ...all, limit: 10, status }),
    finals: () => readPanes(tables.windows, query, { ...all, finalOnly: true }),
    parts: () => [...stores.windows.all()].filter(({ pk }) => pk.endsWith('#parts')),
  };
}

const counts = (panes: readonly Pane[]) =>
  panes.map(({ status, revision, start, rows }) => ({
    status,
    revision,
    start,
    counts: rows.map((row) => row.values['count']),
  }));

describe('early panes', () => {
  it('emits an open window again when its last pane is old enough and records have come', async () => {
    const { put, finalize: run, pass, published } = world();
    await put([{ time: 1_000, key: 'a' }]);
    expect((await run()).openPanes).toBe(1);
    await put([{ time: 2_000, key: 'a' }]);
    expect((await run()).openPanes).toBe(0);
    pass(30_000);
    expect((await run()).openPanes).toBe(1);
    pass(30_000);
    expect((await run()).openPanes).toBe(0);
    expect(counts(published)).toEqual([
      { status: 'early', revision: 0, start: 0, counts: [1] },
      { status: 'early', revision: 1, start: 0, counts: [2] },
    ]);
  });

  it('ends with a final pane of the next revision, which stays', async () => {
    const { put, finalize: run, pass, published, read } = world();
    await put([{ time: 1_000, key: 'a' }]);
    await run();
    await put([
      { time: 2_000, key: 'b' },
      { time: minuteMs, key: 'a' },
    ]);
    pass(minuteMs);
    const report = await run();
    expect(report).toMatchObject({ windows: 1, openPanes: 1 });
    expect(counts(published)).toEqual([
      { status: 'early', revision: 0, start: 0, counts: [1] },
      { status: 'final', revision: 1, start: 0, counts: [1, 1] },
      { status: 'early', revision: 0, start: minuteMs, counts: [1] },
    ]);
    expect((await read('all')).map(({ status, revision, finalizedAt }) => ({ status, revision, finalizedAt }))).toEqual(
      [
        { status: 'final', revision: 1, finalizedAt: 2 * minuteMs },
        { status: 'open', revision: 0, finalizedAt: null },
      ],
    );
  });

  it('shows readers the last batch that was put under the last revision, and only finals to those who ask for finals', async () => {
    const { put, finalize: run, read, finals } = world();
    await put([{ time: 1_000, key: 'a' }]);
    await run();
    await put([{ time: 2_000, key: 'a' }]);
    for (const status of ['all', 'open'] as const)
      expect((await read(status)).map((view) => [view.status, view.revision, view.records])).toEqual([['open', 0, 2]]);
    expect(await read('final')).toEqual([]);
    await put([{ time: minuteMs, key: 'a' }]);
    await run();
    await put([{ time: 2 * minuteMs, key: 'a' }]);
    await run();
    // With a limit of one, the reading goes on past early panes until it has found a final one.
    expect(counts(await finals())).toEqual([{ status: 'final', revision: 1, start: 0, counts: [2] }]);
    expect((await read('final')).map(({ start }) => start)).toEqual([0, minuteMs]);
  });

  it('keeps parts under revision and content, and deletes those that a newer pane has replaced', async () => {
    const { put, finalize: run, pass, parts, read } = world();
    const keys = (from: number) =>
      Array.from({ length: 600 }, (_, i) => ({ time: 1_000, key: `${String(from + i).padStart(40, 'k')}` }));
    await put(keys(0));
    await run();
    expect(parts().map(({ sk }) => sk)).toEqual([expect.stringMatching(/^0#[0-9a-f]{16}##000000$/)]);
    await put(keys(600));
    pass(30_000);
    await run();
    expect(parts().map(({ sk }) => Number.parseInt(sk, 10))).toEqual([1, 1]);
    await put([{ time: minuteMs, key: 'a' }]);
    await run();
    expect(parts().map(({ sk }) => Number.parseInt(sk, 10))).toEqual([2, 2]);
    expect((await read('final')).map(({ records, rows }) => [records, rows.length])).toEqual([[1200, 1200]]);
  });

  it('writes none when none are asked for', async () => {
    const { put, finalize: run, published } = world(minutely(undefined));
    await put([{ time: 1_000, key: 'a' }]);
    expect((await run()).openPanes).toBe(0);
    expect(published).toEqual([]);
  });

  it('names what is wrong with the setting', () => {
    const define = (emit: unknown) => () =>
      definePipeline({
        name: 'early',
        event: z.unknown(),
        eventTime: () => 0,
        watermark: { delay: '0 ms' },
        queries: {
          q: { window: tumbling('1 minute'), aggregates: { count: count() }, emit: emit as { early: '1 minute' } },
        },
      });
    expect(define({ early: 'soon' })).toThrow(/queries\.q\.emit\.early.*soon/);
    expect(define({ erly: '1 minute' })).toThrow(/queries\.q\.emit\.erly/);
    expect(define('1 minute')).toThrow(/queries\.q\.emit/);
  });
});
