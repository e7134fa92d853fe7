import pLimit from 'p-limit';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { type FinalizeReport, finalize } from '../../functions/state/epochs/finalizer.ts';
import { readWindow } from '../../functions/state/epochs/window-reader.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { steppedCalls } from '../fixtures/stepped-tables.ts';

/** The start of a minute. */
const startMs = 1_700_002_800_000;
const minuteMs = 60_000;

const pipeline = definePipeline({
  name: 'steps',
  event: z.object({ time: z.number(), key: z.string() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: '0 seconds' },
  queries: {
    perMinute: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count() } },
    perHour: { groupBy: ['key'], window: tumbling('1 hour'), aggregates: { count: count() } },
  },
});

/** Some shards, each with a warm container of aggregate, and runs of finalize. */
function steppedWorld(shards: number) {
  const calls = steppedCalls();
  const [state, windows, rejects] = [memoryTable(), memoryTable(), memoryTable()].map(calls.table);
  if (state === undefined || windows === undefined || rejects === undefined) throw new Error('no tables');
  const shardIds = Array.from({ length: shards }, (_, i) => `shard-${i}`);
  const aggregators = shardIds.map((shardId) =>
    shardAggregator({ pipeline, state, rejects, shardId, now: () => startMs, attempt: () => 'attempt' }),
  );
  let records = 0;
  const recordAt = (time: number): StreamRecord => {
    const text = JSON.stringify({ time, key: 'one' });
    const events = [{ text, subRecord: 0, bytes: () => Buffer.from(text) }];
    return { sequenceNumber: String(1000 + records++), arrival: startMs, partitionKey: 'p', events };
  };
  /** The steps that something takes, and its outcome. */
  const stepsOf = async <T>(act: () => Promise<T>) => {
    const before = calls.steps.length;
    const outcome = await act();
    return { outcome, steps: calls.steps.slice(before) };
  };
  return {
    /** A batch of one record on every shard at the same time. */
    batch: (time: number) =>
      stepsOf(() => Promise.all(aggregators.map((aggregator) => aggregator.apply([recordAt(time)], () => 60_000)))),
    run: () =>
      stepsOf(
        (): Promise<FinalizeReport> =>
          finalize(
            {
              pipeline,
              state,
              windows,
              stream: {
                identity: () => calls.call('identity', async () => ({ name: 'stream', createdAt: 0 })),
                listShards: () =>
                  calls.call('list', async () => shardIds.map((shardId) => ({ shardId, closed: false }))),
                tail: () => calls.call('tail', async () => 'nothing' as const),
              },
              limit: pLimit(32),
              publish: async () => undefined,
              now: () => startMs,
              runId: 'run',
              remainingMs: () => 60_000,
              retentionMs: 86_400_000,
            },
            'advance',
          ),
      ),
    read: (start: number) => {
      const [query] = pipeline.queries;
      if (query === undefined) throw new Error('no query');
      return stepsOf(() => readWindow({ pipeline, state, windows }, query, start));
    },
  };
}

it.each([1, 8])('a batch takes two steps, and an epoch that closes a window eleven, with %i shards', async (shards) => {
  const { batch, run } = steppedWorld(shards);
  await batch(startMs);
  await run();
  for (let minute = 1; minute < 8; minute++) {
    expect((await batch(startMs + minute * minuteMs)).steps).toHaveLength(2);
    await batch(startMs + minute * minuteMs + 1);
    const { outcome, steps } = await run();
    expect(outcome).toMatchObject({ windows: 1, windowsOpen: 2, closingsLeft: 0 });
    // Reads; tails; election; barriers; plan; segments; marks; gathered; panes; what feeds read; emitted. The eighth
    // epoch merges.
    expect(steps, steps.map((names) => names.join()).join('\n')).toHaveLength(minute === 7 ? 14 : 11);
  }
});

it('a run with nothing to do takes three steps', async () => {
  const { batch, run } = steppedWorld(4);
  await batch(startMs);
  await run();
  await batch(startMs + 1);
  const { outcome, steps } = await run();
  expect(outcome).toMatchObject({ windows: 0, windowsOpen: 2 });
  expect(steps, steps.map((names) => names.join()).join('\n')).toHaveLength(3);
});

it('an open window is read in four steps', async () => {
  const { batch, run, read } = steppedWorld(4);
  await batch(startMs);
  await run();
  await batch(startMs + 1);
  const { outcome, steps } = await read(startMs);
  expect(outcome).toMatchObject([{ status: 'open', records: 8 }]);
  expect(steps, steps.map((names) => names.join()).join('\n')).toHaveLength(4);
});
