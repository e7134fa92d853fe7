import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { advance } from '../../functions/operations/advance.ts';
import type { FinalizeReport } from '../../functions/state/epochs/finalizer.ts';
import type { Attributes, Table } from '../../functions/state/table/table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { firstArrival, type ProtocolWorld, protocolWorld } from '../property/protocol-world.ts';

const minuteMs = 60_000;

const pipeline = definePipeline({
  name: 'conserved',
  event: z.object({ time: z.number(), key: z.string() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0, maxFutureSkew: '36500 days' },
  queries: {
    minutes: { groupBy: ['key'], window: tumbling('1 minute'), aggregates: { n: count() } },
    hours: {
      window: tumbling('1 hour'),
      where: ({ key }) => key !== 'unwanted',
      aggregates: { n: count() },
    },
  },
});

const eventsOf = (minutes: readonly number[]) =>
  minutes.flatMap((minute) =>
    ['a', 'b', 'unwanted'].map((key) => ({ text: JSON.stringify({ time: minute * minuteMs, key }), shard: 0 })),
  );

/** Adds so many records of the shard, each with the three events of a minute. */
async function add(world: ProtocolWorld, from: number, to: number, state?: Table): Promise<void> {
  const records = (world.logs[0] ?? []).slice(from, to);
  await world.aggregator(0, state).apply(records, () => minuteMs);
}

const worldOf = (minutes: readonly number[]) => protocolWorld(pipeline, eventsOf(minutes), 1, 3);

/** The table of an aggregator whose entries are others than they should be. */
function changed(world: ProtocolWorld, change: (attributes: Attributes) => Attributes): Table {
  const table = memoryTable(world.stores.state);
  return {
    ...table,
    put: (item, when) =>
      table.put(
        item.pk.startsWith('log#') && item.attributes['kind'] === 'batch'
          ? { ...item, attributes: change(item.attributes) }
          : item,
        when,
      ),
  };
}

/** Leaves out the section of a query. */
const without = (query: string) => (attributes: Attributes) => {
  const { [query]: _dropped, ...kept } = JSON.parse(String(attributes['sections'])) as Record<string, never>;
  return { ...attributes, sections: JSON.stringify(kept) };
};

/** Leaves out all sections. */
const withoutSections = ({ sections: _dropped, ...attributes }: Attributes) => attributes;

/** Leaves out all sections and pairs. */
const withoutPairs = (attributes: Attributes) => ({
  ...withoutSections(attributes),
  pairs: { minutes: [0, 0, 0], hours: [0, 0, 0] },
});

/** Puts events into no class. */
const withoutClasses = (attributes: Attributes) => ({
  ...withoutPairs(attributes),
  counters: [(attributes['counters'] as readonly number[])[0] ?? 0, 0, 0, 0, 0, 0],
});

const mismatchOf = ({ mismatch }: FinalizeReport) => mismatch;

describe('the laws of conservation at every epoch', () => {
  it('hold for an aggregator that counts every event', async () => {
    const world = worldOf([0, 1, 2, 3]);
    await add(world, 0, 2);
    expect(mismatchOf(await world.finalize())).toEqual({ events: 0, pairs: {} });
    await add(world, 2, 4);
    expect(mismatchOf(await world.finalize('drain'))).toEqual({ events: 0, pairs: {} });
  });

  it('do not hold for one that forgets every event, whether it says that it counted them or does not', async () => {
    for (const forget of [withoutPairs, withoutClasses]) {
      const world = worldOf([0, 1, 2]);
      await add(world, 0, 3, changed(world, forget));
      const report = await world.finalize('drain');
      expect(report.counters.received).toBe(9);
      expect(mismatchOf(report)).toEqual({ events: 9, pairs: {} });
    }
  });

  it('do not hold for one that counts pairs whose slices it loses', async () => {
    const world = worldOf([0, 1, 2]);
    await add(world, 0, 3, changed(world, withoutSections));
    const report = await world.finalize('drain');
    expect(mismatchOf(report)).toEqual({ events: 0, pairs: { minutes: 9, hours: 6 } });
  });

  it('do not hold where a section is dropped, from that epoch on, and for no other query', async () => {
    const world = worldOf([0, 1, 2, 3]);
    await add(world, 0, 2);
    expect(mismatchOf(await world.finalize())).toEqual({ events: 0, pairs: {} });
    await add(world, 2, 3, changed(world, without('hours')));
    expect(mismatchOf(await world.finalize())).toEqual({ events: 0, pairs: { hours: 2 } });
    // What an epoch has lost is not made good by the next one.
    await add(world, 3, 4);
    expect(mismatchOf(await world.finalize())).toEqual({ events: 0, pairs: { hours: 2 } });
    expect(mismatchOf(await world.finalize('drain'))).toEqual({ events: 0, pairs: { hours: 2 } });
  });

  it('are found by the run that resumes an epoch, wherever the one before was cut off', async () => {
    for (let breakAt = 0; breakAt < 80; breakAt++) {
      const world = worldOf([0, 1, 2]);
      await add(world, 0, 2, changed(world, without('minutes')));
      await add(world, 2, 3);
      await world.finalize('drain', breakAt).catch(() => {});
      expect(mismatchOf(await world.finalize('drain')), `cut off at call ${breakAt}`).toEqual({
        events: 0,
        pairs: { minutes: 6 },
      });
    }
  });

  it('are what the alarm hears of', async () => {
    const world = worldOf([0, 1]);
    await add(world, 0, 2, changed(world, without('minutes')));
    const logged: unknown[] = [];
    const { counts } = await advance.run(
      {
        pipeline,
        state: memoryTable(world.stores.state),
        windows: memoryTable(world.stores.windows),
        rejects: memoryTable(world.stores.rejects),
        stream: {
          identity: async () => ({ name: 'stream', createdAt: 0 }),
          listShards: async () => [{ shardId: world.shardId(0), closed: false }],
          tail: async () => 'nothing',
        },
        served: new Set(),
        publish: async () => {},
        wake: () => {},
        now: () => firstArrival,
        remainingMs: () => minuteMs,
        newId: () => 'run',
        sleep: async () => {},
        logError: (message, fields) => logged.push([message, fields]),
      },
      { isWaitedFor: true },
    );
    expect(counts).toMatchObject({ conservationMismatch: 6 });
    expect(logged).toEqual([[expect.any(String), { query: 'minutes', pairs: '6' }]]);
  });
});
