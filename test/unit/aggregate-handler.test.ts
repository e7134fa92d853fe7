import type { Context } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { aggregateHandler } from '../../functions/edge/aggregate-handler.ts';
import type { ShardBatch } from '../../functions/edge/batches.ts';
import { shardAggregators } from '../../functions/edge/shard-aggregators.ts';
import type { Measured } from '../../functions/edge/telemetry.ts';
import { readAllProgress } from '../../functions/state/epochs/progress.ts';
import { logPartition } from '../../functions/state/log/entry.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';

const minuteMs = 60_000;
/** The start of a minute. */
const start = 1_700_000_040_000;
const pipeline = definePipeline({
  name: 'clicks',
  event: z.object({ time: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: 0, idle: '1 minute' },
  queries: { perMinute: { window: tumbling('1 minute'), aggregates: { count: count() } } },
});

const context = { getRemainingTimeInMillis: () => minuteMs } as Context;

/** A batch of events with these times after the start, numbered from 1 on. */
function batch(shardId: string, times: readonly number[], arrivalBy: ShardBatch['arrivalBy'] = 'stream'): ShardBatch {
  const records = times.map((time, i) => ({
    sequenceNumber: String(i + 1),
    arrival: start,
    partitionKey: 'a',
    events: [{ parsed: { time: start + time }, subRecord: 0, bytes: () => new Uint8Array() }],
  }));
  return { shardId, records, arrivalBy };
}

/** A container of the function. Its events are the batches themselves. */
function container({ kick, isBroken }: { kick?: () => Promise<void>; isBroken?: (key: string) => boolean } = {}) {
  const warnings: string[] = [];
  const published: Omit<Measured<unknown>, 'answer'>[] = [];
  let kicks = 0;
  const table = memoryTable(itemStore());
  const state: Table = {
    ...table,
    query: async (pk, ...call) => {
      if (isBroken?.(pk)) throw new Error('planted');
      return table.query(pk, ...call);
    },
  };
  const handler = aggregateHandler({
    pipeline,
    batches: {
      of: (event) => event as readonly ShardBatch[],
      answer: (resumeAt) => ({ batchItemFailures: resumeAt.map((itemIdentifier) => ({ itemIdentifier })) }),
    },
    stream: {
      identity: async () => ({ name: 'clicks', id: 'one' }),
      listShards: async () => [],
      tail: async () => 'end',
    },
    tables: { state, rejects: memoryTable(itemStore()) },
    telemetry: {
      logger: { warn: (message) => warnings.push(String(message)) },
      async measured(_meter, _context, run) {
        const { answer, ...measures } = await run();
        published.push(measures);
        return answer;
      },
    },
    kick: async () => {
      kicks++;
      await kick?.();
    },
    now: () => start,
    newId: () => 'id',
  });
  return { handler, state, warnings, published, kicks: () => kicks };
}

describe('the aggregate function', () => {
  it('applies the batch of each shard once, however often it comes, and says what it did', async () => {
    const { handler, state, published } = container();
    const batches = [batch('a', [1, 2]), batch('b', [3])];
    expect(await handler(batches, context)).toEqual({ batchItemFailures: [] });
    expect(await handler(batches, context)).toEqual({ batchItemFailures: [] });
    expect(published.map(({ counts }) => [counts['received'], counts['counted']])).toEqual([
      [3, 3],
      [0, 0],
    ]);
    expect(published[0]?.byQuery).toMatchObject({ perMinute: { pairsCounted: 3, pairsLate: 0 } });
    expect([...(await readAllProgress(state)).keys()].sort()).toEqual(['a', 'b']);
  });

  it('has nothing to do for an event without records, and asks nothing of the stream', async () => {
    const { handler, published } = container();
    expect(await handler([], context)).toEqual({ batchItemFailures: [] });
    expect(published).toEqual([{ counts: {}, milliseconds: {} }]);
  });

  it('asks for one finalize run when shards have passed the end of a window', async () => {
    const { handler, kicks } = container();
    await handler([batch('a', [1]), batch('b', [1])], context);
    expect(kicks()).toBe(1);
    await handler([{ ...batch('a', [1, 2]) }], context);
    expect(kicks()).toBe(1);
  });

  it('tells of a kick that failed and answers all the same', async () => {
    const fails = async () => {
      throw new Error('planted');
    };
    const { handler, warnings, published } = container({ kick: fails });
    expect(await handler([batch('a', [1])], context)).toEqual({ batchItemFailures: [] });
    expect(warnings).toHaveLength(1);
    expect(published[0]?.counts['kicks']).toBe(0);
  });

  it("warns once of producers' clocks", async () => {
    const { handler, warnings } = container();
    for (const shardId of ['a', 'b']) await handler([batch(shardId, [1], 'producer')], context);
    expect(warnings).toHaveLength(1);
  });

  it('fails for one shard when the others are in', async () => {
    const { handler, state } = container({ isBroken: (pk) => pk === logPartition('a') });
    await expect(handler([batch('a', [1]), batch('b', [1])], context)).rejects.toThrow('planted');
    expect([...(await readAllProgress(state)).keys()]).toEqual(['b']);
  });
});

describe('the shards that a container remembers', () => {
  const aggregator = (rememberedIds: number) => ({ apply: () => Promise.reject(new Error('unused')), rememberedIds });

  it('are the 64 used last', () => {
    const opened: string[] = [];
    const of = shardAggregators((shardId) => {
      opened.push(shardId);
      return aggregator(0);
    });
    for (let i = 0; i < 64; i++) of(`${i}`);
    of('0');
    of('64');
    expect(opened).toHaveLength(65);
    of('0');
    of('1');
    expect(opened.slice(65)).toEqual(['1']);
  });

  it('are fewer where they hold many ids, but one keeps its own', () => {
    const opened: string[] = [];
    const of = shardAggregators((shardId) => {
      opened.push(shardId);
      return aggregator(11_000_000);
    });
    for (const shardId of ['a', 'a', 'b', 'b', 'a']) of(shardId);
    expect(opened).toEqual(['a', 'b', 'a']);
  });
});
