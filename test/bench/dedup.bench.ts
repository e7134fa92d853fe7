import { tumbling } from '../../functions/core/index.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { type Figure, yardstick } from './figure.ts';
import { batchMs, batchOf, firstTime, keyedPipeline, recordsInBatch } from './keyed-events.ts';
import { meteredTable, nothingSpent, type Spent } from './metered-table.ts';

/** After every so many events, the previous event comes again. */
const retriedEvery = 100;
const mostUnitsPerEvent = 0.01;
const batches = 240;
const stream = { keys: 100, named: 'text', lateMs: 5000, retriedEvery } as const;

/** What the batches have cost, and the duplicates that were found. */
interface Deduplicated {
  readonly spent: Spent;
  readonly duplicate: number;
}

/**
 * Measures what deduplication adds to the same batches: the writes of the ids, and a cold container that reads them
 * back.
 */
export async function benchDedup(say: (line: string) => void): Promise<readonly Figure[]> {
  const events = batches * recordsInBatch;
  say(`100 keys, deduplicated: ${batches} batches of ${recordsInBatch} records, one in ${retriedEvery} sent again`);
  const window = tumbling('1 minute');
  const plain = keyedPipeline(window);
  const deduplicating = keyedPipeline(window, undefined, { by: ({ id }) => id, within: '10 minutes' });
  const state = memoryTable();
  const apply = async (
    pipeline: typeof plain,
    table: typeof state,
    from: number,
    to: number,
  ): Promise<Deduplicated> => {
    const spent = nothingSpent();
    let nowMs = firstTime;
    const aggregator = shardAggregator({
      pipeline,
      state: meteredTable(spent, table),
      rejects: meteredTable(spent),
      shardId: 'shardId-000000000000',
      now: () => nowMs,
      attempt: () => 'attempt',
    });
    let duplicate = 0;
    for (let batch = from; batch < to; batch++) {
      nowMs = firstTime + batch * batchMs;
      duplicate += (await aggregator.apply(batchOf(stream, batch), () => 60_000)).counters.duplicate;
    }
    return { spent, duplicate };
  };
  const without = await apply(plain, memoryTable(), 0, batches);
  const { spent, duplicate } = await apply(deduplicating, state, 0, batches);
  if (duplicate !== events / retriedEvery)
    throw new Error(`${duplicate} duplicates of ${events / retriedEvery} were found`);
  const cold = await apply(deduplicating, state, batches, batches + 1);
  if (cold.duplicate !== recordsInBatch / retriedEvery) throw new Error('the ids were not read back');
  const added = spent.writeUnits - without.spent.writeUnits;
  const measured = { value: added / events, better: 'lower' } as const;
  return [
    {
      ...measured,
      name: 'deduplication, beside the aggregate',
      unit: 'write units an event',
      yardsticks: [yardstick(measured, 'one conditional write an event', 1)],
      target: { text: `about ${mostUnitsPerEvent}`, met: measured.value <= mostUnitsPerEvent },
      details: {
        shareOfAllWrites: added / spent.writeUnits,
        readUnitsOfAColdStart: cold.spent.readUnits,
        idsReadByIt: events - events / retriedEvery,
        refused: spent.refusedWrites,
        batches,
      },
    },
  ];
}
