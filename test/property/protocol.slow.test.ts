import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rowsHash } from '../../functions/core/definition/lookup-rows.ts';
import { addCounters, type Counters, isConserved, noEvents } from '../../functions/core/events/counters.ts';
import { isAmbiguous } from '../../functions/core/events/exact-number.ts';
import { avg, count, definePipeline, lookup, max, min, sum, table, tumbling } from '../../functions/core/index.ts';
import { createStaticRun, staticAnswer } from '../../functions/core/static/static-run.ts';
import { readAllProgress, readWatermarks } from '../../functions/state/epochs/progress.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import { isSideEvent } from '../../functions/state/items/side-event.ts';
import { parseEventKey } from '../../functions/state/items/side-place.ts';
import { readLookupList } from '../../functions/state/lookups/lookup-list.ts';
import { publishLookup } from '../../functions/state/lookups/lookup-publish.ts';
import { writePart } from '../../functions/state/lookups/lookup-rows.ts';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { firstArrival, type ProtocolWorld, type PutEvent, protocolWorld } from './protocol-world.ts';

const delayMs = 10;

const pipeline = definePipeline({
  name: 'protocol',
  event: z.object({ t: z.number(), k: z.string(), wide: z.string(), n: z.number().nullable() }),
  eventTime: { of: (event) => event.t, unit: 'ms' },
  enrich: lookup(table<{ readonly k: string; readonly room: string }>('rooms'), 'k', { fields: ['room'] }),
  watermark: { delay: { ms: delayMs }, idle: { ms: 1 } },
  queries: {
    byKey: {
      groupBy: ['k'],
      window: tumbling({ ms: 20 }),
      aggregates: { count: count(), sum: sum('n'), avg: avg('n'), min: min('n'), max: max('n') },
      expectedKeys: 1,
    },
    // Many long keys.
    wide: {
      groupBy: ['wide'],
      window: tumbling({ ms: 200 }, { offset: { ms: 7 } }),
      aggregates: { count: count() },
      expectedKeys: 1,
    },
    // This query wants some events, and few keys.
    sparse: {
      where: (event) => event.k !== 'a',
      groupBy: ['k', 'n', 'room'],
      window: tumbling({ ms: 35 }),
      aggregates: { count: count(), sum: sum('n') },
      expectedKeys: 1200,
    },
  },
});

const epoch = 1_600_000_000_000;
/** 120 characters that do not compress: a few dozen keys outgrow a write unit. */
const wideKey = (seed: number) =>
  Array.from({ length: 20 }, (_, i) =>
    ((Math.imul(seed * 31 + i + 1, 0x9e3779b1) >>> 0) + 0x10000000).toString(36).slice(0, 6),
  ).join('');

const numbers = fc.oneof(
  fc.constantFrom(null, 0, 0.1, 0.2, -0.3, 1e15, -1e15),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !isAmbiguous(number)),
);

/** Events with rising times. Each is up to `disorderMs` behind the greatest time of its shard. */
function eventsWithin(disorderMs: number, shards: number) {
  const event = fc.record({
    shard: fc.nat({ max: shards - 1 }),
    step: fc.nat({ max: 15 }),
    behind: fc.nat({ max: disorderMs }),
    k: fc.constantFrom('a', 'b', 'ü"\\'),
    wide: fc.nat({ max: 60 }),
    n: numbers,
    garbage: fc.constantFrom(false, false, false, false, false, false, false, false, false, true),
  });
  return fc.array(event, { maxLength: 150, size: 'max' }).map((specs) => {
    let time = epoch;
    const greatest = new Map<number, number>();
    return specs.map(({ shard, step, behind, k, wide, n, garbage }): PutEvent => {
      if (garbage)
        return { shard, text: step % 2 === 0 ? '{"t":' : `{"t":${firstArrival + 10_000_000},"k":"a","wide":"","n":1}` };
      time += step;
      const t = Math.max(time, greatest.get(shard) ?? 0) - behind;
      greatest.set(shard, Math.max(t, greatest.get(shard) ?? 0));
      return { shard, text: JSON.stringify({ t, k, wide: wideKey(wide), n }) };
    });
  });
}

/** The time between the arrivals of two events of a shard. Versions of the table begin between them. */
const arrivalStepMs = 2000;

/**
 * The next step. A batch begins `back` records before the last one delivered, in a cold or a warm container, and may
 * fail at its `failAt`-th call. A step may also be a finalize run, or another version of the table that begins as early
 * as possible or `ahead` of that.
 */
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        shard: fc.nat({ max: 2 }),
        records: fc.integer({ min: 1, max: 25 }),
        back: fc.nat({ max: 15 }),
        container: fc.nat({ max: 2 }),
        failAt: fc.option(fc.nat({ max: 25 }), { nil: undefined }),
        failure: fc.constantFrom('before' as const, 'after' as const),
      }),
    },
    { weight: 2, arbitrary: fc.constant('finalize' as const) },
    {
      weight: 2,
      arbitrary: fc.record({ publish: fc.subarray(['a', 'b', 'ü"\\']), ahead: fc.constantFrom(0, 0, 1, 5000, 60_000) }),
    },
  ),
  { minLength: 10, maxLength: 50, size: 'max' },
);

type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

/** The state table of one container. Its calls fail once, before or after they take effect. */
function failingTable(world: ProtocolWorld) {
  const table = memoryTable(world.stores.state);
  let failure: { at: number; when: 'before' | 'after' } | undefined;
  const failing = <T>(call: () => Promise<T>): Promise<T> => {
    const fails = failure !== undefined && failure.at-- === 0 ? failure.when : undefined;
    if (fails === 'before') return Promise.reject(new Error('planted'));
    return fails === 'after' ? call().then(() => Promise.reject(new Error('planted'))) : call();
  };
  const wrapped = limitedTable(table, failing);
  return {
    table: wrapped,
    plant(at: number | undefined, when: 'before' | 'after') {
      failure = at === undefined ? undefined : { at, when };
    },
  };
}

/** A world, and the published versions of its table. */
interface JoinedWorld extends ProtocolWorld {
  readonly versions: { readonly from: number; readonly rows: ReadonlyMap<string, object> }[];
}

const newWorld = (events: readonly PutEvent[], shards: number, perRecord: number): JoinedWorld => ({
  ...protocolWorld(pipeline, events, shards, perRecord, arrivalStepMs),
  versions: [],
});

/** Publishes rows for some keys. Their room names the version. */
async function publish(world: JoinedWorld, keys: readonly string[], ahead: number): Promise<void> {
  const state = memoryTable(world.stores.state);
  const { sealedThrough, versions } = await readLookupList(state, 'rooms');
  const from = Math.max(sealedThrough, versions.at(-1)?.from ?? firstArrival - 1) + 1 + ahead;
  const rows = keys.map((k) => ({ k, room: `room ${k} of ${versions.length}` }));
  const name = { table: 'rooms', id: `v${versions.length}` };
  await writePart(state, name, 0, rows, firstArrival);
  const options = { pipeline, state, now: () => firstArrival };
  const answer = await publishLookup(options, { ...name, parts: 1, hash: rowsHash(rows), from });
  if (answer.outcome === 'published')
    world.versions.push({ from, rows: new Map(rows.map((row) => [JSON.stringify(row.k), row])) });
}

/**
 * Runs the steps, then delivers the rest and drains. Checks on the way that no event is late while its window is open.
 */
async function run(world: JoinedWorld, plan: readonly Step[]): Promise<void> {
  const delivered = world.logs.map(() => 0);
  const containers = new Map<
    string,
    { aggregator: ReturnType<ProtocolWorld['aggregator']>; faults: ReturnType<typeof failingTable> }
  >();
  for (const step of plan) {
    if (step === 'finalize') {
      await world.finalize();
      continue;
    }
    if ('publish' in step) {
      await publish(world, step.publish, step.ahead);
      continue;
    }
    const log = world.logs[step.shard];
    if (log === undefined) continue;
    const from = Math.max(0, (delivered[step.shard] ?? 0) - step.back);
    const name = `${step.shard}#${step.container}`;
    // Container 0 is always a cold one, as after a restart.
    let container = step.container === 0 ? undefined : containers.get(name);
    if (container === undefined) {
      const faults = failingTable(world);
      container = { aggregator: world.aggregator(step.shard, faults.table), faults };
      containers.set(name, container);
    }
    container.faults.plant(step.failAt, step.failure);
    try {
      const batch = log.slice(from, from + step.records);
      await container.aggregator.apply(batch, () => 60_000);
      delivered[step.shard] = Math.max(delivered[step.shard] ?? 0, from + batch.length);
    } catch (error) {
      if (!(error instanceof Error && error.message === 'planted')) throw error;
    }
    container.faults.plant(undefined, 'before');
    await checkLate(world);
  }
  for (const [shard, log] of world.logs.entries()) await world.aggregator(shard).apply(log, () => 60_000);
  await checkLate(world);
  expect((await world.finalize('drain')).drained).toBe(true);
}

const queryOf = (name: unknown) => {
  const query = pipeline.queries.find((candidate) => candidate.name === name);
  if (query === undefined) throw new Error(`no query ${String(name)}`);
  return query;
};

/** Checks that the window of every late event is closed by now. The side output only grows. */
async function checkLate(world: JoinedWorld): Promise<void> {
  const { closedThrough } = await readWatermarks(memoryTable(world.stores.state), pipeline.queries);
  for (const { pk, sk, attributes } of world.stores.rejects.all()) {
    if (attributes['reason'] !== 'late') continue;
    const { window } = queryOf(sk.split('#')[2]);
    const closings = window.closings(window.sliceOf(Number(attributes['eventTime'])));
    expect(Math.max(...closings), `${pk} ${sk}`).toBeLessThanOrEqual(closedThrough);
  }
}

/** The one-pass oracle over all events, without those that are late for the query. */
function oracle(world: JoinedWorld, queryName: string) {
  const late = new Set<string>();
  for (const item of [...world.stores.rejects.all()].filter(isSideEvent))
    late.add(`${parseEventKey(item).shardId}#${item.sk}`);
  const run = createStaticRun(pipeline, {
    rowsAt: (arrival) => world.versions.filter(({ from }) => from <= arrival).at(-1)?.rows,
  });
  world.logs.forEach((log, shard) => {
    for (const { sequenceNumber, arrival, events } of log)
      for (const { text, subRecord } of events)
        if (
          !late.has(`${world.shardId(shard)}#${sequenceNumber}#${subRecord}#${queryName}`) &&
          typeof text === 'string'
        )
          run.add(text, arrival);
  });
  return staticAnswer(pipeline, [run.part()]);
}

async function checkFinals(world: JoinedWorld, events: readonly PutEvent[]): Promise<void> {
  const state = memoryTable(world.stores.state);
  const windows = memoryTable(world.stores.windows);
  const everything = { from: -8e14, to: 8e14, order: 'ascending', limit: 100_000 } as const;
  for (const query of pipeline.queries) {
    const finals = await readWindows({ pipeline, state, windows }, query, {
      ...everything,
      from: 0,
      to: 4e12,
      status: 'final',
    });
    const expected = oracle(world, query.name);
    const shape = ({ start, end, rows }: { start: number; end: number; rows: unknown }) => ({ start, end, rows });
    expect(finals.map(shape)).toStrictEqual(
      expected.windows.filter((window) => window.query === query.name).map(shape),
    );
    const counted = finals.reduce((total, { records }) => total + records, 0);
    expect(counted).toBe(expected.queries[query.index]?.counted);
    for (const { records, rows } of finals)
      expect(rows.reduce((total, { values }) => total + Number(values['count']), 0)).toBe(records);
  }
  let counters: Counters = noEvents;
  for (const progress of (await readAllProgress(state)).values()) counters = addCounters(counters, progress.counters);
  expect(isConserved(counters)).toBe(true);
  expect(counters.received).toBe(events.length);
}

const worlds = (disorderMs: number) =>
  fc.constantFrom(1, 1, 2, 3).chain((shards) =>
    fc.record({
      shards: fc.constant(shards),
      events: eventsWithin(disorderMs, shards),
      perRecord: fc.integer({ min: 1, max: 4 }),
      plan: steps,
    }),
  );

describe('the protocol', () => {
  it('gives the finals of the one-pass oracle without what it put aside as late, whatever the batches, retries, restarts and finalize runs', async () => {
    await fc.assert(
      fc.asyncProperty(worlds(15 * delayMs), async ({ shards, events, perRecord, plan }) => {
        const world = newWorld(events, shards, perRecord);
        await run(world, plan);
        await checkFinals(world, events);
      }),
      { numRuns: 40 },
    );
  });

  it('finds nothing late that is within the delay of its shard', async () => {
    await fc.assert(
      fc.asyncProperty(worlds(delayMs), async ({ shards, events, perRecord, plan }) => {
        const world = newWorld(events, shards, perRecord);
        await run(world, plan);
        await checkFinals(world, events);
        expect(
          [...world.stores.rejects.all()].filter(({ attributes }) => attributes['reason'] === 'late'),
        ).toStrictEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it('publishes each final window at least once, and always with the same rows', async () => {
    await fc.assert(
      fc.asyncProperty(worlds(5 * delayMs), async ({ shards, events, perRecord, plan }) => {
        const world = newWorld(events, shards, perRecord);
        await run(world, plan);
        const rows = new Map<string, string>();
        for (const pane of world.published) {
          const name = `${pane.query} ${pane.start} ${pane.revision}`;
          const text = JSON.stringify([pane.rows, pane.states, pane.records]);
          expect(rows.get(name) ?? text).toBe(text);
          rows.set(name, text);
        }
        expect(rows.size).toBe([...world.stores.windows.all()].filter(({ pk }) => !pk.endsWith('#parts')).length);
      }),
      { numRuns: 15 },
    );
  });
});
