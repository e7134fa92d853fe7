import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { addCounters, noEvents } from '../../functions/core/events/counters.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { type ShardAggregator, shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { memoryTable } from '../simulation/memory-table.ts';

const withinMs = 5000;
const pipeline = definePipeline({
  name: 'dedup',
  event: z.object({ time: z.number(), id: z.number().optional() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0 },
  dedup: { by: (event) => event.id, within: { ms: withinMs } },
  queries: {
    odd: {
      where: (event) => event.time % 2 === 1,
      window: tumbling('1 hour'),
      aggregates: { count: count() },
      expectedKeys: 1,
    },
  },
});

interface Put {
  readonly shard: 'parent' | 'child';
  /** Milliseconds after the previous arrival. Arrivals may go back. */
  readonly step: number;
  /** An event with an id, an event without one, or garbage. */
  readonly events: readonly { readonly id: number | undefined; readonly garbage: boolean; readonly odd: boolean }[];
}

const put: fc.Arbitrary<Put> = fc.record({
  shard: fc.constantFrom('parent', 'child'),
  step: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 900 }) },
    { weight: 1, arbitrary: fc.integer({ min: -2000, max: 6000 }) },
  ),
  events: fc.array(
    fc.record({
      id: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
      garbage: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
      odd: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

function recordsOf(puts: readonly Put[]): readonly StreamRecord[] {
  let arrival = 1_700_000_000_000;
  return puts.map(({ step, events }, i) => {
    arrival += step;
    const texts = events.map(({ id, garbage, odd }) =>
      garbage ? '{}' : JSON.stringify({ time: 1_600_000_000_000 + Number(odd), id }),
    );
    return {
      sequenceNumber: `${10n ** 54n - 3n + BigInt(i)}`,
      arrival,
      partitionKey: 'p',
      events: texts.map((text, subRecord) => ({ text, subRecord, bytes: () => Buffer.from(text) })),
    };
  });
}

/**
 * The duplicates by the definition: an event is a duplicate when one with its id was counted at most the horizon before
 * it, in its shard or in that shard's parent.
 */
function oracle(puts: readonly Put[], records: readonly StreamRecord[]) {
  const counters = { ...noEvents } as { -readonly [Name in keyof typeof noEvents]: number };
  const first = new Map<number, number>();
  let clock = 0;
  for (const [i, { events }] of puts.entries())
    for (const { id, garbage, odd } of events) {
      counters.received++;
      if (garbage) {
        counters.rejected++;
        continue;
      }
      if (id !== undefined) {
        clock = Math.max(clock, records[i]?.arrival ?? 0);
        if (clock - (first.get(id) ?? Number.NEGATIVE_INFINITY) <= withinMs) {
          counters.duplicate++;
          continue;
        }
        first.set(id, clock);
      }
      counters[odd ? 'counted' : 'filtered']++;
    }
  return counters;
}

it('I13: any batches of a shard and its child, to warm and to cold containers, classify every event as one pass over the records does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(put, { minLength: 1, maxLength: 40 }),
      fc.infiniteStream(
        fc.record({ length: fc.integer({ min: 1, max: 6 }), container: fc.constantFrom('first', 'second', 'cold') }),
      ),
      async (unordered, batches) => {
        const puts = [
          ...unordered.filter(({ shard }) => shard === 'parent'),
          ...unordered.filter(({ shard }) => shard === 'child'),
        ];
        const records = recordsOf(puts);
        const state = memoryTable();
        const rejects = memoryTable();
        const containers = new Map<string, ShardAggregator>();
        let counters = noEvents;
        for (const shardId of ['parent', 'child']) {
          const own = records.filter((_, i) => puts[i]?.shard === shardId);
          const ancestors = async () => (shardId === 'child' ? ['parent'] : []);
          for (let at = 0; at < own.length; ) {
            const { length, container } = batches.next().value;
            const name = `${shardId}/${container}`;
            const warm = container === 'cold' ? undefined : containers.get(name);
            const aggregator = warm ?? shardAggregator({ ...logClock, pipeline, state, rejects, shardId, ancestors });
            containers.set(name, aggregator);
            const report = await aggregator.apply(own.slice(at, at + length), () => 60_000);
            counters = addCounters(counters, report.counters);
            at += length;
          }
        }
        expect(counters).toEqual(oracle(puts, records));
      },
    ),
    { numRuns: 300 },
  );
});
