import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { cut, logSum, onePass } from '../fixtures/log/shard-log.ts';
import { memoryTable } from '../simulation/memory-table.ts';

const shardId = 'shardId-000000000000';
const startMs = 1_700_000_040_000;
const pipeline = definePipeline({
  name: 'logs',
  event: z.object({ time: z.number(), key: z.string(), n: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  queries: {
    minutes: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { count: count(), sum: sum('n') } },
    hours: { where: (event) => event.n >= 0, window: tumbling('1 hour'), aggregates: { count: count() } },
  },
});

function record(number: number, ...texts: readonly string[]): StreamRecord {
  return {
    sequenceNumber: String(1000 + number),
    arrival: startMs + number,
    partitionKey: 'p',
    events: texts.map((text, subRecord) => ({ text, subRecord, bytes: () => Buffer.from(text) })),
  };
}
const event = (offsetMs: number, key = 'a', n = 1) => JSON.stringify({ time: startMs + offsetMs, key, n });

describe('smoke', () => {
  it('works', async () => {
    const state = memoryTable();
    const rejects = memoryTable();
    const aggregator = shardAggregator({ pipeline, state, rejects, shardId, now: () => startMs, attempt: () => 'x' });
    const records = [record(1, event(0), event(1, 'b', -1), 'garbage'), record(2, event(60_000))];
    const report = await aggregator.apply(records, () => 60_000);
    await cut(state, shardId, { epoch: 1, closedThrough: startMs + 60_000 }, startMs);
    records.push(record(3, event(59_999), event(60_000)));
    await aggregator.apply(records, () => 60_000);
    console.log(report, JSON.stringify(await logSum(pipeline, state, shardId)));
    expect(await logSum(pipeline, state, shardId)).toEqual(await onePass(pipeline, state, shardId, records));
  });
});
