import fc from 'fast-check';
import pLimit from 'p-limit';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { queryApp } from '../../functions/api/app.ts';
import type { WindowJson } from '../../functions/api/window-json.ts';
import { count, cumulate, definePipeline, sliding, tumbling } from '../../functions/core/index.ts';
import { createMeter } from '../../functions/state/dynamodb-table.ts';
import { finalize } from '../../functions/state/finalizer.ts';
import { sliceCache } from '../../functions/state/merged-slice.ts';
import { shardAggregator } from '../../functions/state/shard-aggregator.ts';
import { itemStore } from '../simulation/item-store.ts';
import { memoryTable } from '../simulation/memory-table.ts';

const aggregates = { n: count() };
const pipeline = definePipeline({
  name: 'paged',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 3, maxFutureSkew: '1 day' },
  queries: {
    tumbling: { window: tumbling(10), aggregates },
    sliding: { window: sliding(30, 10), aggregates },
    cumulate: { window: cumulate(40, 10), aggregates },
    late: { window: tumbling(10), aggregates, allowedLateness: 15, emit: { early: 1 } },
  },
});
const shardId = 'shardId-000000000000';

/** The stream, the finalizer and the API over tables in memory. */
function world() {
  const [state, windows, rejects] = [memoryTable(itemStore()), memoryTable(itemStore()), memoryTable(itemStore())];
  const aggregator = shardAggregator({ pipeline, state, rejects, shardId });
  const cache = sliceCache();
  let sequence = 0;
  let now = 1_000_000;
  const app = queryApp({
    pipeline,
    tables: { state, windows, rejects, meter: createMeter() },
    now: () => now,
    newSecret: () => 'secret',
    onError: (error) => {
      throw error;
    },
  });
  return {
    async put(time: number) {
      const text = JSON.stringify({ time });
      const events = [{ text, subRecord: 0, bytes: () => Buffer.from(text) }];
      await aggregator.apply([{ sequenceNumber: String(++sequence), arrival: ++now, partitionKey: 'p', events }], () => 60_000);
    },
    finalize: () =>
      finalize(
        {
          pipeline,
          state,
          windows,
          cache,
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
      ),
    async get(path: string): Promise<{ readonly windows: readonly WindowJson[]; readonly cursor: string | null }> {
      const response = await app.request(`http://api/v1/queries/${path}`);
      expect(response.status).toBe(200);
      return (await response.json()) as { readonly windows: readonly WindowJson[]; readonly cursor: string | null };
    },
  };
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('put' as const), time: fc.integer({ min: -80, max: 120 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('finalize' as const) }) },
);

it('pages of windows neither skip nor repeat a window, while windows open, are finalized and refined', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...pipeline.queries.map(({ name }) => name)),
      fc.constantFrom('ascending', 'descending'),
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 25 }),
      fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }),
      async (query, order, limit, first, between) => {
        const { put, finalize: run, get } = world();
        const play = async (steps: typeof first) => {
          for (const one of steps) await (one.do === 'put' ? put(one.time) : run());
        };
        await play(first);
        const names = (windows: readonly WindowJson[]) => windows.map(({ start, end }) => `${start}/${end}`);
        const atFirst = names((await get(`${query}/windows?order=${order}&limit=1000`)).windows);
        const seen: WindowJson[] = [];
        let cursor: string | null = null;
        let page = 0;
        do {
          const answer: { readonly windows: readonly WindowJson[]; readonly cursor: string | null } = await get(
            `${query}/windows?order=${order}&limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
          );
          expect(answer.windows.length).toBeLessThanOrEqual(limit);
          seen.push(...answer.windows);
          ({ cursor } = answer);
          await play(between[page++] ?? []);
        } while (cursor !== null);
        const found = names(seen);
        expect(new Set(found).size).toBe(found.length);
        expect(found).toEqual(expect.arrayContaining(atFirst));
        const sorted = [...seen].sort((left, right) => left.start - right.start || left.end - right.end);
        expect(found).toEqual(names(order === 'ascending' ? sorted : sorted.reverse()));
      },
    ),
    { numRuns: 150 },
  );
});
