import pLimit from 'p-limit';
import type { Pipeline } from '../../../functions/core/definition/pipeline.ts';
import { type FinalizeReport, type FinalizeRequest, finalize } from '../../../functions/state/epochs/finalizer.ts';
import { type ShardAggregator, shardAggregator } from '../../../functions/state/log/shard-aggregator.ts';
import type { Stream } from '../../../functions/state/stream/stream.ts';
import { limitedTable } from '../../../functions/state/table/limited-table.ts';
import { numberOf, type Table } from '../../../functions/state/table/table.ts';
import { manifestKey } from '../../../functions/state/windows/pane-keys.ts';
import { type ItemStore, itemStore } from '../../../functions/testing/item-store.ts';
import { plainKinds } from '../kinds.ts';
import { observedStore } from '../observed-store.ts';
import { drawOptions } from '../options.ts';
import { Violation } from '../violation.ts';
import { simulatedPipeline } from '../workload.ts';
import { createMeasures, type Measures, measuredStore } from './measured-store.ts';
import { type Caller, createRounds, newCaller, type Rounds } from './rounds.ts';
import { recordsOf, recordsThrough, type ScaleShard } from './scale-shard.ts';
import { createWindowOracle, type WindowOracle } from './window-oracle.ts';

/** The description of the stream of a case, before it begins. */
export interface ScaleOptions {
  readonly windowMs: number;
  readonly idleMs: number;
  readonly shards: readonly ScaleShard[];
  /**
   * The ids of all events of the window that starts at a moment, including events that are put later. None of them may
   * be late.
   */
  readonly idsOfWindow: (start: number) => readonly string[];
}

/** The report and the duration of one finalize run. */
export interface TimedRun {
  /** Undefined when it died. */
  readonly report: FinalizeReport | undefined;
  /** Of virtual time. */
  readonly ms: number;
  readonly calls: number;
  readonly mostAtOnce: number;
}

/** One container of the aggregate function. */
export interface Container {
  readonly shard: ScaleShard;
  readonly aggregator: ShardAggregator;
  readonly caller: Caller;
}

/**
 * Production code over simulated tables and a stream, in virtual time without faults. Every write is checked, in a time
 * that does not grow.
 */
export interface ScaleWorld {
  readonly pipeline: Pipeline;
  readonly rounds: Rounds;
  readonly measures: Measures;
  readonly oracle: WindowOracle;
  readonly stores: { readonly state: ItemStore; readonly windows: ItemStore; readonly rejects: ItemStore };
  /** The stream as a finalize run sees it. Setting a field replaces it by another stream of the same name. */
  readonly stream: { createdAt: number; shards: readonly ScaleShard[] };
  tables(caller: Caller): { readonly state: Table; readonly windows: Table; readonly rejects: Table };
  streamFor(caller: Caller): Stream;
  container(shard: ScaleShard): Container;
  /** Applies records of a container's shard, and returns the number of calls to the tables. */
  apply(container: Container, from: number, to: number): Promise<number>;
  /** @param callsLeft the number of calls after which it dies */
  finalizeRun(request?: FinalizeRequest, callsLeft?: number): Promise<TimedRun>;
  /** Deletes the items whose expiry has come, as DynamoDB does some time after it. Returns their number. */
  expire(): number;
}

/** The time at which every case begins, epoch ms. */
const startMs = 1_600_000_000_000;

/** Lambda's time-out and the retention of the stream, ms. */
export const timeoutMs = 60_000;
const retentionMs = 7 * 86_400_000;

/** The most calls under way at a time, as in functions/finalize.ts. */
export const concurrency = 32;

/** The kind of an item. */
const stateKind = (pk: string) => pk.split('#', 1)[0] ?? pk;
const windowKind = (pk: string) => (pk.endsWith('#parts') ? 'part' : 'manifest');

export function createScaleWorld({ windowMs, idleMs, shards, idsOfWindow }: ScaleOptions): ScaleWorld {
  const pipeline = simulatedPipeline({
    ...drawOptions(1),
    ...plainKinds,
    windowMs,
    idleMs,
    delayMs: 0,
    overlap: 0,
    overlapKind: 'sliding',
    latenessMs: 0,
    sessionGapMs: 0,
    sessionSlices: 1,
    bulk: 0,
    earlyMs: 0,
    expectedKeys: 1,
  });
  const rounds = createRounds(startMs);
  let attempts = 0;
  const measures = createMeasures();
  const stores = { state: itemStore(), windows: itemStore(), rejects: itemStore() };
  const stream: ScaleWorld['stream'] = { createdAt: startMs, shards };
  const oracle = createWindowOracle({ windowMs, idsOfWindow, shards: () => stream.shards });
  const observed = {
    state: measuredStore(observedStore(stores.state, oracle.checkState), measures, stateKind),
    windows: measuredStore(observedStore(stores.windows, oracle.checkManifest), measures, windowKind),
    rejects: measuredStore(
      observedStore(stores.rejects, (_before, { pk, sk }) => {
        throw new Violation('I4', `${pk} / ${sk} is put aside, and nothing is late here`);
      }),
      measures,
      () => 'reject',
    ),
  };
  const tableFor = (store: ItemStore, caller: Caller): Table => ({
    get: (key) => rounds.call(caller, () => store.get(key)),
    query: (pk, range) => rounds.call(caller, () => store.query(pk, range)),
    put: (item, when) => rounds.call(caller, () => store.put(item, when)),
    putAll: (items) =>
      rounds.call(caller, () => {
        for (const item of items) store.put(item);
      }),
    update: (key, change, when) => rounds.call(caller, () => store.update(key, change, when)),
    delete: (key, when) => rounds.call(caller, () => store.delete(key, when)),
  });

  const world: ScaleWorld = {
    pipeline,
    rounds,
    measures,
    oracle,
    stores,
    stream,
    tables: (caller) => ({
      state: tableFor(observed.state, caller),
      windows: tableFor(observed.windows, caller),
      rejects: tableFor(observed.rejects, caller),
    }),
    streamFor: (caller) => ({
      identity: () => rounds.call(caller, () => ({ name: 'simulated', createdAt: stream.createdAt })),
      listShards: () =>
        rounds.call(caller, () => stream.shards.map(({ shardId, closed = false }) => ({ shardId, closed }))),
      tail: (shardId, after) =>
        rounds.call(caller, () => {
          const shard = stream.shards.find((candidate) => candidate.shardId === shardId);
          if ((after === undefined ? 0 : recordsThrough(after)) < (shard?.put ?? 0)) return 'more';
          return shard?.closed === true ? 'end' : 'nothing';
        }),
    }),
    container(shard) {
      const caller = newCaller();
      const { state, rejects } = world.tables(caller);
      const { shardId } = shard;
      const attempt = () => `attempt-${++attempts}`;
      const aggregator = shardAggregator({ pipeline, state, rejects, shardId, now: () => rounds.now(), attempt });
      return { shard, caller, aggregator };
    },
    async apply({ shard, aggregator, caller }, from, to) {
      const before = caller.calls;
      const deadline = rounds.now() + timeoutMs;
      const report = await aggregator.apply(recordsOf(shard, from, to, startMs), () => deadline - rounds.now());
      if (report.resumeAt !== undefined)
        throw new Violation('I8', `${shard.shardId}: a batch of ${to - from} records does not fit into its time`);
      return caller.calls - before;
    },
    async finalizeRun(request = 'advance', callsLeft = Number.POSITIVE_INFINITY) {
      const caller = newCaller(callsLeft);
      const limit = pLimit(concurrency);
      const tables = world.tables(caller);
      const began = rounds.now();
      const report = await rounds.run(() =>
        finalize(
          {
            pipeline,
            // As the finalize function does: one bound of the calls under way to all tables.
            state: limitedTable(tables.state, limit),
            windows: limitedTable(tables.windows, limit),
            stream: world.streamFor(caller),
            limit: pLimit(concurrency),
            publish: (pane) =>
              rounds.call(caller, () => oracle.publish(pane, stores.windows.get(manifestKey(pane.query, pane)))),
            now: () => rounds.now(),
            runId: `run-${began}`,
            remainingMs: () => began + timeoutMs - rounds.now(),
            retentionMs,
          },
          request,
        ),
      );
      const ms = rounds.now() - began;
      if (ms > timeoutMs) throw new Violation('I8', `a finalize run takes ${ms} ms, more than its time-out`);
      return { report, ms, calls: caller.calls, mostAtOnce: caller.mostAtOnce };
    },
    expire() {
      let expired = 0;
      for (const item of [...stores.state.all()]) {
        const expiresAt = numberOf(item, 'expiresAt');
        if (expiresAt === undefined || expiresAt * 1000 >= rounds.now()) continue;
        stores.state.delete(item);
        expired++;
      }
      return expired;
    },
  };
  return world;
}
