import pLimit from 'p-limit';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';
import { type EpochBounds, epochBounds } from '../../functions/state/epochs/bounds.ts';
import {
  type FinalizeReport,
  type FinalizerOptions,
  finalize,
  takeTasks,
} from '../../functions/state/epochs/finalizer.ts';
import type { OtherRuns, TaskRequest } from '../../functions/state/epochs/task-runner.ts';
import { readWindow } from '../../functions/state/epochs/window-reader.ts';
import { readGathered } from '../../functions/state/log/epoch.ts';
import { readNewestPlan } from '../../functions/state/log/plan.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import type { Item, Table } from '../../functions/state/table/table.ts';
import { type ItemStore, itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { steppedCalls } from '../fixtures/stepped-tables.ts';

/** The start of a minute. */
const startMs = 1_700_002_800_000;
const minuteMs = 60_000;

const pipeline = definePipeline({
  name: 'tasks',
  event: z.object({ time: z.number(), key: z.string(), value: z.number() }),
  eventTime: { of: (event) => event.time, unit: 'ms' },
  watermark: { delay: '0 seconds' },
  queries: {
    perMinute: {
      groupBy: ['key'],
      window: tumbling('1 minute'),
      aggregates: { count: count(), total: sum((event) => event.value) },
    },
    perHour: { groupBy: ['key'], window: tumbling('1 hour'), aggregates: { count: count() } },
  },
});

const shardIds = ['shard-0', 'shard-1', 'shard-2'];

/** Adds some minutes to the logs, with entries enough for many tasks. */
async function fill(stores: Stores, from: number, to: number): Promise<void> {
  const { state, rejects } = tablesOf(stores);
  for (const [number, shardId] of shardIds.entries()) {
    const aggregator = shardAggregator({ pipeline, state, rejects, shardId, now: () => startMs, attempt: () => 'one' });
    for (let minute = from; minute < to; minute++) {
      const batch = Array.from({ length: 20 }, (_, i): StreamRecord => {
        const event = { time: startMs + minute * minuteMs + i * 100, key: `key-${(i * 7 + number) % 13}`, value: i };
        const text = JSON.stringify(event);
        const events = [{ text, subRecord: 0, bytes: () => Buffer.from(text) }];
        return { sequenceNumber: String(1000 + minute * 20 + i), arrival: startMs, partitionKey: 'p', events };
      });
      const { counters } = await aggregator.apply(batch, () => minuteMs);
      expect(counters).toStrictEqual({ received: 20, counted: 20, late: 0, duplicate: 0, rejected: 0, filtered: 0 });
    }
  }
}

const emptyStores = (): Stores => ({ state: itemStore(), windows: itemStore(), rejects: itemStore() });

/** Logs of six minutes. */
async function filledTables(): Promise<Stores> {
  const stores = emptyStores();
  await fill(stores, 0, 6);
  return stores;
}

type Stores = Readonly<Record<'state' | 'windows' | 'rejects', ItemStore>>;

function tablesOf({ state, windows, rejects }: Stores) {
  return { state: memoryTable(state), windows: memoryTable(windows), rejects: memoryTable(rejects) };
}

/** Everything that is stored, without the hints that a run is at a task. */
function stored({ state, windows }: Stores): readonly Item[] {
  return [...state.all(), ...windows.all()]
    .filter(({ pk }) => pk !== 'leases')
    .sort((left, right) => (`${left.pk} ${left.sk}` < `${right.pk} ${right.sk}` ? -1 : 1));
}

const gatherBounds: EpochBounds = { ...epochBounds, taskBytes: 300, tasksAlone: 2 };

/** Invocations of finalize over the same tables. They take turns, as their calls do. */
function deployment(
  stores: Stores,
  bounds: EpochBounds,
  most: number,
  diesAfter: (helper: number) => number = () => Number.POSITIVE_INFINITY,
) {
  const clock = { nowMs: 0 };
  let runs = 0;
  const underWay: Promise<unknown>[] = [];
  const asked: (TaskRequest | undefined)[] = [];
  const tasksOf: string[][] = [];
  const options = (table: (table: Table) => Table, others: OtherRuns | undefined): FinalizerOptions => {
    const { state, windows } = tablesOf(stores);
    return {
      pipeline,
      state: table(state),
      windows: table(windows),
      stream: {
        identity: async () => ({ name: 'stream', createdAt: 0 }),
        listShards: async () => shardIds.map((shardId) => ({ shardId, closed: false })),
        tail: async () => 'nothing',
      },
      limit: pLimit(32),
      publish: async () => undefined,
      now: () => clock.nowMs,
      // Whoever writes it, it is the same: the names of attempts are no part of it.
      runId: 'run',
      remainingMs: () => minuteMs,
      retentionMs: 86_400_000,
      bounds,
      others,
    };
  };
  const others: OtherRuns = {
    most,
    async start(request) {
      const helper = asked.push(request) - 1;
      const marked: string[] = [];
      tasksOf.push(marked);
      let left = diesAfter(helper);
      const mortal = (table: Table): Table => {
        const watched: Table = {
          ...table,
          async put(item, when) {
            const outcome = await table.put(item, when);
            if (item.pk.startsWith('marks') && outcome === 'applied') marked.push(item.sk);
            return outcome;
          },
        };
        return limitedTable(watched, async (call) => {
          // The other invocations have their turns.
          await new Promise(setImmediate);
          if (left-- <= 0) throw new Error('the invocation has died');
          return call();
        });
      };
      if (request === undefined) throw new Error('the leader lives');
      underWay.push(takeTasks(options(mortal, others), request).catch(() => {}));
    },
    async wait(ms) {
      clock.nowMs += ms;
      await new Promise(setImmediate);
    },
  };
  const yielding = (table: Table) =>
    limitedTable(table, async (call) => {
      await new Promise(setImmediate);
      return call();
    });
  return {
    asked,
    tasksOf,
    async run() {
      // Whatever runs have waited for: what an epoch stores is of the time at which it is elected.
      clock.nowMs = startMs + ++runs * 10 * minuteMs;
      const report = await finalize(options(yielding, most === 0 ? undefined : others), 'advance');
      await Promise.all(underWay);
      return report;
    },
    help: (request: TaskRequest) => takeTasks(options(yielding, others), request),
  };
}

/** Tasks of each kind: each gathers, or emits, a little. */
const kinds: readonly (readonly [kind: string, stages: readonly string[], bounds: EpochBounds])[] = [
  ['logs', ['gather'], gatherBounds],
  ['stretches of windows', ['gather', 'emit#perMinute'], { ...gatherBounds, windowsATask: 1 }],
  ['lanes of windows', ['gather', 'emit#perMinute'], { ...gatherBounds, laneBytes: 40, lanesAlone: 1 }],
];

/** Runs of finalize behind some minutes each. */
async function play(
  stores: Stores,
  { run }: ReturnType<typeof deployment>,
  runs = 3,
  minutes = 4,
): Promise<readonly FinalizeReport[]> {
  const reports: FinalizeReport[] = [];
  for (let i = 0; i < runs; i++) {
    await fill(stores, i * minutes, (i + 1) * minutes);
    reports.push(await run());
  }
  return reports;
}

/** What is stored, without expiries, which are of the clock of whoever has put the item. */
const timeless = (stores: Stores) =>
  stored(stores).map(({ attributes: { expiresAt, indexedSince, ...attributes }, ...key }) => ({ ...key, attributes }));

/** What readers get of all windows. */
async function rowsOf(stores: Stores) {
  const { state, windows } = tablesOf(stores);
  const [query] = pipeline.queries;
  if (query === undefined) throw new Error('no query');
  const found = await Promise.all(
    Array.from({ length: 12 }, (_, minute) =>
      readWindow({ pipeline, state, windows }, query, startMs + minute * minuteMs),
    ),
  );
  return found.flat().map(({ start, status, records, rows }) => ({ start, status, records, rows }));
}

it.each(kinds)(
  'an epoch of many %s is done by several invocations, byte for byte as by one',
  async (_, stages, own) => {
    const [plain, alone, together] = [emptyStores(), emptyStores(), emptyStores()];
    await play(plain, deployment(plain, epochBounds, 0));
    const one = await play(alone, deployment(alone, own, 0));
    const several = deployment(together, own, 3);
    expect(await play(together, several)).toStrictEqual(one);
    expect(one.map(({ windows, closingsLeft, mismatch }) => [windows, closingsLeft, mismatch])).toStrictEqual(
      [3, 4, 4].map((windows) => [windows, 0, { events: 0, pairs: {} }]),
    );
    expect((await readNewestPlan(tablesOf(alone).state))?.tasks.length).toBeGreaterThan(5);
    expect(several.asked.map((request) => request?.stage)).toEqual(expect.arrayContaining([...stages]));
    expect(several.tasksOf.filter((tasks) => tasks.length > 0).length).toBeGreaterThan(2);
    expect(timeless(together)).toStrictEqual(timeless(alone));
    expect(await rowsOf(together)).toStrictEqual(await rowsOf(plain));
  },
);

it('a merge of epochs is done by several invocations, byte for byte as by one', async () => {
  const [plain, alone, together] = [emptyStores(), emptyStores(), emptyStores()];
  const own = { ...gatherBounds, laneBytes: 40 };
  await play(plain, deployment(plain, epochBounds, 0), 8, 1);
  const one = await play(alone, deployment(alone, own, 0), 8, 1);
  const several = deployment(together, own, 3, (helper) => (helper % 2 === 0 ? 9 : Number.POSITIVE_INFINITY));
  expect(await play(together, several, 8, 1)).toStrictEqual(one);
  expect(several.asked.map((request) => request?.stage)).toContain('merge#8');
  const merged = timeless(together).filter(
    ({ pk, sk }) => pk.startsWith('segment#perHour') && sk.includes('1-000000000008'),
  );
  expect(merged.length).toBeGreaterThan(1);
  expect(timeless(together)).toStrictEqual(timeless(alone));
  expect(await rowsOf(together)).toStrictEqual(await rowsOf(plain));
});

it.each(kinds)(
  'a task of an invocation that died amid %s is done by another one when its lease is over',
  async (_, __, own) => {
    const alone = emptyStores();
    await play(alone, deployment(alone, own, 0));
    // Amid its first look, after a lease, between output and mark.
    for (const calls of [0, 3, 5, 6, 7, 9]) {
      const together = emptyStores();
      const several = deployment(together, own, 2, (helper) => (helper % 2 === 0 ? calls : Number.POSITIVE_INFINITY));
      const reports = await play(together, several);
      expect(
        reports.map(({ closingsLeft }) => closingsLeft),
        `${calls} calls`,
      ).toStrictEqual([0, 0, 0]);
      expect(timeless(together), `${calls} calls`).toStrictEqual(timeless(alone));
    }
  },
);

it('an invocation that begins when all is done, or that nobody knows the epoch of, does nothing', async () => {
  const stores = await filledTables();
  const { run, help } = deployment(stores, gatherBounds, 2);
  await run();
  const before = stored(stores);
  const { epoch } = await readGathered(tablesOf(stores).state);
  for (const stage of ['gather', 'emit#perMinute', 'emit#gone']) {
    await help({ stage, epoch, begin: 3 });
    await help({ stage, epoch: epoch + 1, begin: 0 });
  }
  expect(stored(stores)).toStrictEqual(before);
});

it('tasks that one run should do cost no call more', async () => {
  const names = async (most: number): Promise<readonly (readonly string[])[]> => {
    const calls = steppedCalls();
    const { state, windows } = tablesOf(await filledTables());
    const failing = async () => {
      throw new Error('nobody is to be asked');
    };
    await finalize(
      {
        pipeline,
        state: calls.table(state),
        windows: calls.table(windows),
        stream: {
          identity: async () => ({ name: 'stream', createdAt: 0 }),
          listShards: async () => shardIds.map((shardId) => ({ shardId, closed: false })),
          tail: async () => 'nothing',
        },
        limit: pLimit(32),
        publish: async () => undefined,
        now: () => startMs + 10 * minuteMs,
        runId: 'run',
        remainingMs: () => minuteMs,
        retentionMs: 86_400_000,
        others: most === 0 ? undefined : { most, start: failing, wait: failing },
      },
      'advance',
    );
    return calls.steps;
  };
  expect(await names(50)).toStrictEqual(await names(0));
});
