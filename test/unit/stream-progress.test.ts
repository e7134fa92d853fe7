import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { queryApp } from '../../functions/api/app.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { readStreamProgress } from '../../functions/state/epochs/progress.ts';
import { mostLogs } from '../../functions/state/epochs/tails.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { type LogEvent, type LogWorld, logWorld } from '../property/log-world.ts';

const pipeline = definePipeline({
  name: 'progress',
  event: z.object({ time: z.number(), user: z.string(), amount: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: 0, maxFutureSkew: '36500 days' },
  queries: { tens: { window: tumbling({ ms: 10 }), aggregates: { n: count() } } },
});

const at = (time: number): readonly LogEvent[] => [{ time, user: 'a', amount: 1 }];

/** The table, with the logs that were read since it was made. */
function watched(table: Table) {
  const logs = new Set<string>();
  const note = (pk: string) => pk.startsWith('log#') && logs.add(pk);
  return {
    logs,
    table: {
      ...table,
      get: (key) => {
        note(key.pk);
        return table.get(key);
      },
      query: (pk, range) => {
        note(pk);
        return table.query(pk, range);
      },
    } satisfies Table,
  };
}

/** Asks the API of a world, and says which logs the request has read. */
async function ask(world: LogWorld, path: string) {
  const { logs, table } = watched(world.tables.state);
  const app = queryApp({
    pipeline,
    tables: {
      state: table,
      windows: world.tables.windows,
      rejects: memoryTable(),
      meter: { readUnits: 0, writeUnits: 0, refusedWrites: 0 },
    },
    now: world.now,
    ingest: 'off',
    newSecret: () => 'secret',
    onError: (error) => {
      throw error;
    },
  });
  const response = await app.request(path);
  return { body: (await response.json()) as Readonly<Record<string, unknown>>, logs: logs.size };
}

describe('the progress of the stream', () => {
  it('is live up to 64 logs, and beyond as of the newest epoch that is gathered', async () => {
    const world = logWorld(pipeline, mostLogs + 2);
    for (let shard = 0; shard < mostLogs; shard++) await world.add(shard, at(shard));
    await world.finalize();
    await world.add(0, at(100));
    const live = await ask(world, '/v1/conservation');
    expect(live).toMatchObject({
      body: { received: mostLogs + 1, counted: mostLogs + 1, holds: true, shards: mostLogs, asOf: null },
      logs: mostLogs,
    });
    // Two logs more: both epochs and what came since are there, and a request does not read 66 logs to tell.
    await world.add(mostLogs, at(7));
    world.pass(3_600_000);
    await world.finalize();
    const epochAt = world.now();
    await world.add(mostLogs, at(200));
    await world.add(mostLogs + 1, at(300));
    const answers = await Promise.all(['/v1/conservation', '/v1/watermark'].map((path) => ask(world, path)));
    const [conservation, watermark] = answers;
    for (const { body, logs } of answers) expect([body['asOf'], logs]).toEqual([epochAt, 0]);
    expect(conservation?.body).toMatchObject({
      received: mostLogs + 2,
      counted: mostLogs + 2,
      shards: mostLogs + 2,
      queries: { tens: { counted: mostLogs + 2 } },
    });
    const shards = watermark?.body['shards'] as readonly { readonly maxEventTime: number | null }[];
    expect(shards.map(({ maxEventTime }) => maxEventTime)).toEqual([
      100,
      ...Array.from({ length: mostLogs - 1 }, (_, i) => i + 1),
      7,
      null,
    ]);
  });

  it('of more logs than are read is nothing before the first epoch, and does not count sealed ones among them', async () => {
    const world = logWorld(pipeline, mostLogs + 1);
    for (let shard = 0; shard <= mostLogs; shard++) await world.add(shard, at(shard));
    expect(await readStreamProgress(world.tables.state)).toMatchObject({
      sums: { counters: { received: 0 } },
      asOf: 0,
    });
    world.close(3);
    // Drained, gathered, and sealed by the next run.
    await world.finalize('drain');
    await world.finalize('drain');
    await world.add(0, at(500));
    const { shards, sums, asOf } = await readStreamProgress(world.tables.state);
    expect(asOf).toBeUndefined();
    expect(sums.counters.received).toBe(mostLogs + 2);
    expect([...shards.values()].map(({ maxEventTime }) => maxEventTime).slice(0, 4)).toEqual([500, 1, 2, 3]);
  });

  it('keeps the totals of sealed logs in those of an epoch', async () => {
    const world = logWorld(pipeline, mostLogs + 2);
    for (let shard = 0; shard < mostLogs + 2; shard++) await world.add(shard, at(shard));
    world.close(3);
    await world.finalize('drain');
    await world.finalize('drain');
    await world.add(0, at(500));
    await world.finalize('drain');
    const { sums, asOf, shards } = await readStreamProgress(world.tables.state);
    expect(asOf).toBe(world.now());
    expect(sums.counters).toMatchObject({ received: mostLogs + 3, counted: mostLogs + 3 });
    expect(sums.queries['tens']).toMatchObject({ counted: mostLogs + 3 });
    expect(shards.size).toBe(mostLogs + 2);
  });

  it('open windows of more logs than are read say when they were gathered', async () => {
    const world = logWorld(pipeline, mostLogs + 1);
    for (let shard = 0; shard <= mostLogs; shard++) await world.add(shard, at(1));
    world.pass(3_600_000);
    await world.finalize();
    const gatheredAt = world.now();
    await world.add(0, at(2));
    for (const path of ['windows', 'windows/0'])
      expect((await ask(world, `/v1/queries/tens/${path}`)).body['windows']).toMatchObject([
        { status: 'open', records: mostLogs + 1, asOf: gatheredAt },
      ]);
    expect((await ask(world, '/v1/queries/tens/totals')).body).toMatchObject({ windows: 1, asOf: gatheredAt });
    expect((await ask(world, '/v1/queries/tens/top')).body['window']).toMatchObject({ asOf: gatheredAt });
    expect((await ask(world, '/v1/queries/tens/series?key={}')).body['points']).toMatchObject([{ asOf: gatheredAt }]);
  });
});
