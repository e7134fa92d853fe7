import fc from 'fast-check';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { addCounters, noEvents } from '../../functions/core/events/counters.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, tumbling } from '../../functions/core/index.ts';
import { sealLog } from '../../functions/state/epochs/barrier.ts';
import { type EpochBounds, epochBounds } from '../../functions/state/epochs/bounds.ts';
import { cutNow, type FinalizerOptions } from '../../functions/state/epochs/finalizer.ts';
import { readGathered } from '../../functions/state/log/epoch.ts';
import { readTail } from '../../functions/state/log/log.ts';
import { readPlan } from '../../functions/state/log/plan.ts';
import { type ShardAggregator, shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Table } from '../../functions/state/table/table.ts';
import { type ItemStore, itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { seededRandom } from '../../functions/testing/random.ts';
import { logClock } from '../fixtures/log-clock.ts';

const withinMs = 5000;
const startMs = 1_700_000_000_000;
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
      id: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
      garbage: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
      odd: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

function recordsOf(puts: readonly Put[]): readonly StreamRecord[] {
  let arrival = startMs;
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

/** What happens before a batch, besides what other containers do. */
type Between =
  | { readonly act: 'nothing' }
  /** Epochs that gather all that is in. */
  | { readonly act: 'gather'; readonly epochs: number }
  /** An epoch that a run elects, cuts and gathers in part, and that the next one goes on with. */
  | { readonly act: 'cutOff'; readonly calls: number }
  /** What is gathered expires, in any order. */
  | { readonly act: 'expire'; readonly seed: number };

const between: fc.Arbitrary<Between> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ act: 'nothing' } as const) },
  { weight: 6, arbitrary: fc.record({ act: fc.constant('gather' as const), epochs: fc.constantFrom(1, 1, 1, 2, 9) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('cutOff' as const), calls: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('expire' as const), seed: fc.nat() }) },
);

/** What happens amid a batch, before one of the calls that its container makes. */
interface Amid {
  readonly act: 'nothing' | 'gather' | 'twin' | 'both';
  readonly call: number;
  /** How many records of the batch the twin takes. */
  readonly records: number;
}

const amid: fc.Arbitrary<Amid> = fc.record({
  act: fc.constantFrom('nothing', 'nothing', 'gather', 'twin', 'both'),
  call: fc.integer({ min: 0, max: 12 }),
  records: fc.integer({ min: 1, max: 6 }),
});

/** A table before one of whose calls something can be made to happen, once. */
function interruptible(table: Table) {
  let pending: { left: number; readonly run: () => Promise<unknown> } | undefined;
  const before = async () => {
    if (pending === undefined || pending.left-- > 0) return;
    const { run } = pending;
    pending = undefined;
    await run();
  };
  const state: Table = {
    get: (key) => before().then(() => table.get(key)),
    query: (pk, range) => before().then(() => table.query(pk, range)),
    put: (item, when) => before().then(() => table.put(item, when)),
    putAll: (items) => before().then(() => table.putAll(items)),
    update: (key, change, when) => before().then(() => table.update(key, change, when)),
    delete: (key, when) => before().then(() => table.delete(key, when)),
  };
  return {
    state,
    interrupt(call: number, run: () => Promise<unknown>) {
      pending = { left: call, run };
    },
    calm() {
      pending = undefined;
    },
  };
}

interface Container extends Pick<ReturnType<typeof interruptible>, 'interrupt' | 'calm'> {
  readonly aggregator: ShardAggregator;
}

/**
 * Bounds by which a log is cut into several tasks, ids into several pieces, and merges are left out that are larger.
 */
const bounds = fc.record({ taskBytes: fc.constantFrom(60, 100_000), idBytes: fc.constantFrom(30, 150, 100_000) });

/** Finalize over the shards, as far as ids have to do with it. */
function gathering(state: Table, small: Partial<EpochBounds>) {
  let runs = 0;
  const options = (table: Table): FinalizerOptions => ({
    pipeline,
    state: table,
    windows: memoryTable(),
    stream: {
      identity: async () => ({ name: 'stream', createdAt: 0 }),
      listShards: async () => [],
      tail: async () => 'more',
    },
    limit: (call) => call(),
    publish: async () => {},
    now: () => startMs,
    runId: `run-${++runs}`,
    remainingMs: () => 60_000,
    retentionMs: 86_400_000,
    bounds: { ...epochBounds, ...small },
  });
  const next = (table: Table) => cutNow(options(table), Number.NEGATIVE_INFINITY);
  return {
    next: () => next(state),
    async cutOff(calls: number) {
      const cut = new Error('cut off');
      let left = calls;
      const put: Table['put'] = async (item, when) => {
        if (left-- <= 0) throw cut;
        return state.put(item, when);
      };
      await next({ ...state, put }).catch((error: unknown) => {
        if (error !== cut) throw error;
      });
    },
    async seal(shardId: string) {
      await next(state);
      const tail = await readTail(state, shardId);
      if (tail !== undefined) await sealLog(state, shardId, tail, (await readGathered(state)).epoch, startMs);
    },
  };
}

/**
 * Entries that are gathered and not the last ones of their logs expire, and segments of ids that lie before the horizon
 * of the shard: each, or not yet.
 */
async function expire(store: ItemStore, state: Table, shardId: string, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const plan = await readPlan(state, (await readGathered(state)).epoch);
  const clockMs = (await readTail(state, shardId))?.totals.arrivalClock ?? 0;
  for (const item of [...store.all()]) {
    const { clock } = item.attributes;
    const ofLog = /^log#(.*)$/.exec(item.pk)?.[1];
    const tail = ofLog === undefined ? undefined : await readTail(state, ofLog);
    const isGone =
      ofLog !== undefined
        ? Number(item.sk) <= (plan?.logs[ofLog]?.[1] ?? 0) && Number(item.sk) < (tail?.position ?? 0)
        : item.pk.startsWith('ids#') && Number(clock) < clockMs - withinMs;
    if (isGone && random.int(0, 2) > 0) store.delete(item);
  }
}

it('I13: any batches of a shard and its child, to warm and to cold containers, among epochs that gather, merge and are cut off, classify every event as one pass over the records does', async () => {
  let merged = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(put, { minLength: 1, maxLength: 60, size: 'max' }),
      fc.infiniteStream(
        fc.record({
          length: fc.constantFrom(1, 1, 2, 6),
          container: fc.constantFrom('first', 'second', 'cold'),
          before: between,
          during: amid,
        }),
      ),
      bounds,
      fc.boolean(),
      async (unordered, batches, small, seals) => {
        const puts = [
          ...unordered.filter(({ shard }) => shard === 'parent'),
          ...unordered.filter(({ shard }) => shard === 'child'),
        ];
        const records = recordsOf(puts);
        const store = itemStore();
        const state = memoryTable(store);
        const rejects = memoryTable();
        const epochs = gathering(state, small);
        const containers = new Map<string, Container>();
        const containerOf = (shardId: string, ancestors: () => Promise<readonly string[]>): Container => {
          const { state: own, ...interruptions } = interruptible(state);
          const options = { ...logClock, pipeline, state: own, rejects, shardId, ancestors };
          return { aggregator: shardAggregator(options), ...interruptions };
        };

        for (const shardId of ['parent', 'child']) {
          const own = records.filter((_, i) => puts[i]?.shard === shardId);
          const ancestors = async () => (shardId === 'child' ? ['parent'] : []);
          for (let at = 0; at < own.length; ) {
            const { length, container, before, during } = batches.next().value;
            if (before.act === 'gather') for (let epoch = 0; epoch < before.epochs; epoch++) await epochs.next();
            if (before.act === 'cutOff') await epochs.cutOff(before.calls);
            if (before.act === 'expire') await expire(store, state, shardId, before.seed);
            const name = `${shardId}/${container}`;
            const warm = container === 'cold' ? undefined : containers.get(name);
            const used = warm ?? containerOf(shardId, ancestors);
            containers.set(name, used);
            const batch = own.slice(at, at + length);
            const apply = ({ aggregator }: Container, some = batch) => aggregator.apply(some, () => 60_000);
            if (during.act !== 'nothing')
              used.interrupt(during.call, async () => {
                if (during.act !== 'gather')
                  await apply(containerOf(shardId, ancestors), batch.slice(0, during.records));
                if (during.act !== 'twin') await epochs.next();
              });
            await apply(used);
            used.calm();
            at += length;
          }
          if (seals && shardId === 'parent' && own.length > 0) await epochs.seal(shardId);
        }
        const tails = await Promise.all(['parent', 'child'].map((shardId) => readTail(state, shardId)));
        const counters = tails.reduce((sum, tail) => addCounters(sum, tail?.totals.counters ?? noEvents), noEvents);
        expect(counters).toEqual(oracle(puts, records));
        for (const { pk } of store.all()) if (pk.startsWith('ids#') && !pk.endsWith('#1')) merged++;
      },
    ),
    { numRuns: 60 },
  );
  // It met what it is about.
  expect(merged).toBeGreaterThan(5);
});
