import { expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { logClock } from '../fixtures/log-clock.ts';

it('counts a batch of more events of one key than a call may have arguments', async () => {
  const pipeline = definePipeline({
    name: 'packed',
    event: z.object({ t: z.number() }),
    eventTime: { of: (event) => event.t, unit: 'ms' },
    watermark: { delay: 0 },
    queries: { all: { window: tumbling('1 hour'), aggregates: { count: count() } } },
  });
  const state = memoryTable();
  const aggregator = shardAggregator({
    ...logClock,
    pipeline,
    state,
    rejects: memoryTable(),
    shardId: 'shardId-000000000000',
  });
  const events = Array.from({ length: 300_000 }, (_, subRecord) => ({
    text: '{"t":1}',
    subRecord,
    bytes: () => new Uint8Array(),
  }));
  const record = { sequenceNumber: '1', arrival: 1, partitionKey: 'k', events };
  const { counters } = await aggregator.apply([record], () => 60_000);
  expect(counters).toMatchObject({ received: 300_000, counted: 300_000 });
});
