import { tumbling } from '../../functions/core/index.ts';
import { rawEvents } from '../../functions/edge/raw-event.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { logClock } from '../fixtures/log-clock.ts';
import type { Figure } from './figure.ts';
import { aggregateSets, eventsOf, type KeyedStream, keyedPipeline } from './keyed-events.ts';

/** Events of a batch, as `eventsOf` makes them, joined to batches of ten. */
const eventsInBatch = 10_000;
const partsInBatch = 10;
const warmUpBatches = 4;
const batches = 8;

const cases: readonly { readonly keys: number; readonly aggregates: keyof typeof aggregateSets }[] = [
  { keys: 2, aggregates: 'count' },
  { keys: 1_000_000, aggregates: 'count' },
  { keys: 2, aggregates: 'five aggregates' },
  { keys: 1_000_000, aggregates: 'five aggregates' },
];

/**
 * Measures the CPU of an invocation of aggregate over batches of 10,000 events, from Base64 to the entry, with few keys
 * and with nearly one an event: what `tidemark cost` reckons Lambda's seconds by (docs/cost.md). It is the CPU time of
 * the process, which other processes change less than the clock's.
 */
export async function benchCpu(say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { keys, aggregates } of cases) {
    const name = `aggregate's CPU: ${aggregates}, ${keys.toLocaleString('en-US')} keys`;
    say(`${name}: ${batches} batches of ${eventsInBatch} events`);
    const micros = await cpuOf({ keys, named: 'text', lateMs: 0 }, aggregates);
    figures.push({
      name,
      value: micros,
      unit: 'µs an event',
      better: 'lower',
      yardsticks: [],
      details: { millisecondsABatch: (micros * eventsInBatch) / 1000, batches },
    });
  }
  return figures;
}

async function cpuOf(stream: KeyedStream, aggregates: keyof typeof aggregateSets): Promise<number> {
  const aggregator = shardAggregator({
    ...logClock,
    pipeline: keyedPipeline(tumbling('1 hour'), aggregateSets[aggregates]),
    state: memoryTable(),
    rejects: memoryTable(),
    shardId: 'shardId-000000000000',
  });
  let micros = 0;
  for (let batch = 0; batch < warmUpBatches + batches; batch++) {
    const records = Array.from({ length: partsInBatch }, (_, part) => eventsOf(stream, batch * partsInBatch + part))
      .flat()
      .map((event, i) => ({
        sequenceNumber: `4959${String(batch * eventsInBatch + i + 1).padStart(52, '0')}`,
        arrival: event.time,
        partitionKey: event.key,
        data: Buffer.from(JSON.stringify(event)).toString('base64'),
      }));
    const before = process.cpuUsage();
    const opened = records.map(({ data, ...record }) => ({ ...record, events: rawEvents(data, 0) }));
    const { counters } = await aggregator.apply(opened, () => 60_000);
    const { user, system } = process.cpuUsage(before);
    if (counters.counted !== eventsInBatch) throw new Error(`${counters.counted} of ${eventsInBatch} were counted`);
    if (batch >= warmUpBatches) micros += user + system;
  }
  return micros / (batches * eventsInBatch);
}
