import fc from 'fast-check';
import pLimit from 'p-limit';
import { expect } from 'vitest';
import { z } from 'zod';
import { queryApp } from '../../functions/api/app.ts';
import type { WindowJson } from '../../functions/api/window-json.ts';
import { count, cumulate, definePipeline, sliding, tumbling } from '../../functions/core/index.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { correct } from '../../functions/state/operations/correction.ts';
import { createMeter } from '../../functions/state/table/dynamodb-table.ts';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const aggregates = { n: count() };
/** A query for each kind of window. */
export const pipeline = definePipeline({
  name: 'paged',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: { ms: 3 }, maxFutureSkew: '1 day' },
  queries: {
    tumbling: { window: tumbling({ ms: 10 }), aggregates },
    sliding: { window: sliding({ ms: 30 }, { ms: 10 }), aggregates },
    cumulate: { window: cumulate({ ms: 40 }, { ms: 10 }), aggregates },
    late: { window: tumbling({ ms: 10 }), aggregates, allowedLateness: { ms: 15 }, emit: { early: { ms: 1 } } },
  },
});
const shardId = 'shardId-000000000000';

/**
 * The stream, the finalizer and the API over tables in memory.
 * @param readMs how long each call of the API to a table takes, on the world's clock
 */
export function apiWorld(readMs: () => number = () => 0) {
  const [state, windows, rejects] = [memoryTable(itemStore()), memoryTable(itemStore()), memoryTable(itemStore())];
  let sequence = 0;
  let now = 1_000_000;
  const aggregator = shardAggregator({ pipeline, state, rejects, shardId, now: () => now, attempt: () => 'attempt' });
  const slow = (table: Table) =>
    limitedTable(table, (call) => {
      now += readMs();
      return call();
    });
  const app = queryApp({
    pipeline,
    tables: { state: slow(state), windows: slow(windows), rejects: slow(rejects), meter: createMeter() },
    now: () => now,
    newSecret: () => 'secret',
    onError: (error) => {
      throw error;
    },
  });
  const put = async (time: number) => {
    const text = JSON.stringify({ time });
    const events = [{ text, subRecord: 0, bytes: () => Buffer.from(text) }];
    await aggregator.apply(
      [{ sequenceNumber: String(++sequence), arrival: ++now, partitionKey: 'p', events }],
      () => 60_000,
    );
  };
  const run = () =>
    finalize(
      {
        pipeline,
        state,
        windows,
        stream: {
          identity: async () => ({ name: 's', createdAt: 0 }),
          listShards: async () => [{ shardId, closed: false }],
          tail: async () => 'more',
        },
        limit: pLimit(4),
        publish: async () => {},
        now: () => ++now,
        runId: `run ${++now}`,
        remainingMs: () => 60_000,
        retentionMs: 60_000,
      },
      'advance',
    );
  return {
    async play(steps: readonly Step[]) {
      for (const one of steps) await (one.do === 'put' ? put(one.time) : run());
    },
    /** Adds the late events of a query to the windows that they missed. */
    replay: (query: string) =>
      correct(
        {
          pipeline,
          state,
          windows,
          rejects,
          now: () => ++now,
          remainingMs: () => 60_000,
          newId: () => `command ${++now}`,
          advance: async () => {
            await run();
          },
        },
        {
          query,
          settled: 'replayed',
          arrival: { fromMs: 0, toMs: now + 1 },
          window: undefined,
          by: 'test',
          after: undefined,
        },
      ),
    ask: (path: string, accept = 'application/json') =>
      app.request(`http://api/v1/queries/${path}`, { headers: { accept } }),
    async get(path: string): Promise<WindowsPage> {
      const response = await app.request(`http://api/v1/queries/${path}`);
      expect(response.status).toBe(200);
      return (await response.json()) as WindowsPage;
    },
  };
}

/** A page of the list of windows. */
export interface WindowsPage {
  readonly windows: readonly WindowJson[];
  readonly cursor: string | null;
}

/** A step: a record arrives, or finalize runs. */
export type Step = { readonly do: 'put'; readonly time: number } | { readonly do: 'finalize' };

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('put' as const), time: fc.integer({ min: -80, max: 120 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('finalize' as const) }) },
);
