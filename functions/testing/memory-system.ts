import pLimit from 'p-limit';
import { longestDurationMs } from '../core/arguments/duration.ts';
import { mostPartRows, rowsHash } from '../core/definition/lookup-rows.ts';
import type { Pipeline, Query } from '../core/definition/pipeline.ts';
import { streamRetentionHours } from '../core/deployment/settings.ts';
import { eventTimeBounds } from '../core/events/event-time.ts';
import {
  cutNow,
  type FinalizeReport,
  type FinalizeRequest,
  type FinalizerOptions,
  finalize,
  takeTasks,
} from '../state/epochs/finalizer.ts';
import { readStreamProgress } from '../state/epochs/progress.ts';
import { readWindows } from '../state/epochs/window-reader.ts';
import { checkDefinition } from '../state/items/definition.ts';
import type { LogSums } from '../state/log/plan.ts';
import { type ShardAggregator, shardAggregator } from '../state/log/shard-aggregator.ts';
import { publishLookup } from '../state/lookups/lookup-publish.ts';
import { writePart } from '../state/lookups/lookup-rows.ts';
import { outboxPublisher } from '../state/sinks/outbox.ts';
import type { Stream } from '../state/stream/stream.ts';
import type { Pane, PaneOutline } from '../state/windows/pane.ts';
import { readPane } from '../state/windows/pane-reader.ts';
import type { WindowView } from '../state/windows/window-view.ts';
import type { FedRecord } from './fed-events.ts';
import { type Container, containers, type Fate, type MemoryTables } from './invocations.ts';
import { type ItemStore, itemStore } from './item-store.ts';
import { invocationMs, type MemorySinks, memorySinks } from './memory-sinks.ts';
import { type MemoryShard, shardsAt, tailAt } from './memory-stream.ts';
import { memoryTable } from './memory-table.ts';
import { type Random, seededRandom } from './random.ts';
import type { CheckedOptions } from './run-options.ts';

/** A deployed pipeline in memory: the production code, its tables and its stream. Time is an argument. */
export interface MemorySystem {
  /** The side output. */
  readonly rejects: ItemStore;
  /** Every record that was put, by its sequence number. */
  readonly records: ReadonlyMap<string, FedRecord>;
  /** The panes that were emitted, in order, each once. */
  readonly panes: readonly Pane[];
  readonly sinks: MemorySinks;
  /** Makes the tables ready, before anything else. */
  start(nowMs: number): Promise<void>;
  /** Puts records, and lets the aggregate function take them. */
  deliver(records: readonly FedRecord[], nowMs: number): Promise<void>;
  /** Lets the stream prove that nothing comes in any shard, until more is put. */
  fallQuiet(): void;
  finalize(request: FinalizeRequest, nowMs: number): Promise<FinalizeReport>;
  /** Closes everything up to a time, whatever the shards say. */
  cut(throughMs: number, nowMs: number): Promise<void>;
  sums(): Promise<LogSums>;
  /** All windows of a query, by start. */
  windows(query: Query): Promise<readonly WindowView[]>;
}

/** A shard, and where a test has got with it. */
interface SystemShard extends MemoryShard {
  readonly records: FedRecord[];
  /** Whether the test has waited since its last record. A stream that is behind would not know. */
  isQuiet: boolean;
  warm: { readonly container: Container; readonly aggregator: ShardAggregator } | undefined;
}

/** Every window lies between these, epoch ms. */
const allWindows = {
  from: eventTimeBounds.earliest - longestDurationMs,
  to: eventTimeBounds.latest + longestDurationMs,
  status: 'all',
  order: 'ascending',
  limit: Number.POSITIVE_INFINITY,
} as const;

const retentionMs = streamRetentionHours * 3_600_000;

/** Most invocations of finalize that take tasks beside one that leads. */
const mostHelpers = 4;

/** Most records before a batch that come again with it. */
const mostRepeated = 50;

export function memorySystem(given: Pipeline, options: CheckedOptions): MemorySystem {
  const { deliveries, lookupRows } = options;
  const random = seededRandom(options.seed);
  const rejects = itemStore();
  const tables: MemoryTables = { state: memoryTable(), windows: memoryTable(), rejects: memoryTable(rejects) };
  const container = containers(tables, deliveries, random);
  const shards = Array.from({ length: options.shards }, (_, position) => newShard(position));
  const records = new Map<string, FedRecord>();
  const panes = paneList();
  /** An invocation and the one that follows it when it has died. */
  const tries: readonly Fate[] = deliveries.crashAfter === undefined ? ['living'] : ['dying', 'living'];
  let pipeline = given;
  let attempts = 0;
  /** What the aggregate functions have for a clock. */
  const clock = { nowMs: 0 };

  const stream = (nowMs: number): Stream => ({
    identity: async () => ({ name: 'test', createdAt: 0 }),
    listShards: async () => shardsAt(shards, nowMs),
    async tail(shardId, after) {
      const shard = shards.find((one) => one.shardId === shardId);
      const tail = shard === undefined ? 'more' : tailAt(shard, after, nowMs);
      return tail === 'nothing' && shard?.isQuiet !== true ? 'more' : tail;
    },
  });

  /**
   * Invokes the aggregate function with a batch, in the warm container of the shard or in a cold one.
   * @returns whether it has answered
   */
  async function aggregate(shard: SystemShard, batch: readonly FedRecord[], nowMs: number, fate: Fate) {
    const { shardId } = shard;
    const cold = () => {
      const fresh = container(fate);
      const { state, rejects: side } = fresh.tables;
      const attempt = () => `attempt-${++attempts}`;
      const now = () => clock.nowMs;
      const aggregator = shardAggregator({ pipeline, state, rejects: side, shardId, now, attempt });
      return { container: fresh, aggregator };
    };
    clock.nowMs = nowMs;
    const one = fate === 'dying' ? cold() : (shard.warm ?? cold());
    const done = await one.container.invoke(() => one.aggregator.apply(batch, () => invocationMs));
    shard.warm = done === undefined ? undefined : one;
    return done !== undefined;
  }

  /** Delivers a batch until it is in, and again as often as the test wants. */
  async function deliverBatch(shard: SystemShard, from: number, to: number, nowMs: number): Promise<void> {
    const batch = shard.records.slice(from, to);
    for (const fate of tries) if (await aggregate(shard, batch, nowMs, fate)) break;
    for (let again = 0; again < (deliveries.retry ?? 0); again++) {
      if (random.chance(0.5)) shard.warm = undefined;
      const earlier = Math.max(0, from - random.int(0, mostRepeated));
      await aggregate(shard, shard.records.slice(earlier, to), nowMs, 'living');
    }
  }

  /** Runs the finalize function, which dies once where the test wants it to. */
  async function finalized<T>(startMs: number, work: (options: FinalizerOptions) => Promise<T>): Promise<T> {
    for (const fate of tries) {
      const done = await invoked(startMs, fate, work);
      if (done !== undefined) return done.answer;
    }
    throw new Error('a run of finalize has ended without an answer');
  }

  /** An invocation of the finalize function. Undefined: it died. */
  function invoked<T>(startMs: number, fate: Fate, work: (options: FinalizerOptions) => Promise<T>) {
    const run = container(fate);
    const { state, windows } = run.tables;
    // Its clock goes on only while it waits for tasks that others are at.
    let nowMs = startMs;
    const now = () => nowMs;
    const outbox = outboxPublisher(state, pipeline, new Set(pipeline.sinks.map(({ name }) => name)), now);
    return run.invoke(() =>
      work({
        pipeline,
        state,
        windows,
        stream: stream(nowMs),
        limit: pLimit(8),
        async publish(pane, what) {
          panes.take(await standing(pane));
          await outbox.publish(pane, what);
        },
        others: {
          most: mostHelpers,
          // Whoever asks waits for it: a test leaves nothing behind it that still runs.
          async start(request) {
            if (request === undefined) return;
            const [helper = 'living'] = tries;
            await invoked(nowMs, helper, (options) => takeTasks(options, request));
          },
          async wait(ms) {
            nowMs += ms;
          },
        },
        now,
        runId: `finalize-${++attempts}`,
        remainingMs: () => invocationMs,
        retentionMs,
      }),
    );
  }

  /** The pane that is told of, as it stands. */
  async function standing(told: PaneOutline): Promise<Pane> {
    const query = pipeline.queries.find(({ name }) => name === told.query);
    const pane = query === undefined ? undefined : await readPane(tables.windows, query, told);
    if (pane?.revision !== told.revision)
      throw new Error(`${told.query} ${told.start}: revision ${told.revision} is told, and ${pane?.revision} stands`);
    return pane;
  }

  const sinks = memorySinks(given, tables);
  return {
    rejects,
    records,
    panes: panes.all,
    sinks,
    async start(nowMs) {
      pipeline = await checkDefinition(tables.state, given);
      if (lookupRows !== undefined) await publishRows(pipeline, tables, lookupRows, nowMs);
    },
    async deliver(fed, nowMs) {
      const starts = shards.map((shard) => shard.records.length);
      for (const record of fed) {
        const shard = shards[record.shard];
        shard?.records.push(record);
        if (shard !== undefined) shard.isQuiet = false;
        records.set(record.sequenceNumber, record);
      }
      const left = shards.map((shard, i) => ({ shard, at: starts[i] ?? 0 })).filter(isBehind);
      for (let next = drawn(left, deliveries, random); next !== undefined; next = drawn(left, deliveries, random)) {
        const { shard, at } = next;
        next.at = Math.min(shard.records.length, at + sizeOf(shard.records.length - at, deliveries, random));
        await deliverBatch(shard, at, next.at, nowMs);
        if (!isBehind(next)) left.splice(left.indexOf(next), 1);
      }
    },
    fallQuiet() {
      for (const shard of shards) shard.isQuiet = true;
    },
    async finalize(request, nowMs) {
      const report = await finalized(nowMs, (finalizer) => finalize(finalizer, request));
      await sinks.deliver(nowMs);
      return report;
    },
    async cut(throughMs, nowMs) {
      await finalized(nowMs, (finalizer) => cutNow(finalizer, throughMs));
    },
    async sums() {
      const { sums } = await readStreamProgress(tables.state);
      return sums;
    },
    windows: (query) => readWindows({ pipeline, ...tables }, query, allWindows),
  };
}

function newShard(position: number): SystemShard {
  return {
    shardId: `shardId-${String(position).padStart(12, '0')}`,
    parents: [],
    createdAt: Number.NEGATIVE_INFINITY,
    closedAt: undefined,
    records: [],
    isQuiet: false,
    warm: undefined,
  };
}

/** A shard with the position of the first record that is not delivered. */
interface Left {
  readonly shard: SystemShard;
  at: number;
}

const isBehind = ({ shard, at }: Left) => at < shard.records.length;

function drawn(left: readonly Left[], { batches }: CheckedOptions['deliveries'], random: Random): Left | undefined {
  return batches === 'random' && left.length > 0 ? left[random.int(0, left.length - 1)] : left[0];
}

function sizeOf(left: number, { batches = left }: CheckedOptions['deliveries'], random: Random): number {
  return batches === 'random' ? random.int(1, random.int(1, left)) : batches;
}

/** Panes, each once. A run that is repeated emits the same again. */
function paneList() {
  const all: Pane[] = [];
  const texts = new Map<string, string>();
  return {
    all: all as readonly Pane[],
    /** @throws when another pane has gone out under its name */
    take(pane: Pane): void {
      const { query, start, end, revision, status, records, rows } = pane;
      const name = `${query}/${start}/${end}/${revision}`;
      const text = JSON.stringify([status, records, rows]);
      const before = texts.get(name);
      if (before !== undefined && before !== text) throw new Error(`pane ${name} was ${before}, and is now ${text}`);
      if (before !== undefined) return;
      texts.set(name, text);
      all.push(pane);
    },
  };
}

/** Publishes the rows of the pipeline's lookup table, from the beginning of time. */
async function publishRows(
  pipeline: Pipeline,
  { state }: MemoryTables,
  rows: readonly object[],
  nowMs: number,
): Promise<void> {
  const table = pipeline.lookupTable?.table ?? '';
  const id = 'test';
  const parts = Array.from({ length: Math.ceil(rows.length / mostPartRows) }, (_, part) =>
    rows.slice(part * mostPartRows, (part + 1) * mostPartRows),
  );
  await Promise.all(parts.map((part, at) => writePart(state, { table, id }, at, part, nowMs)));
  const publication = { table, id, parts: parts.length, hash: rowsHash(rows), from: eventTimeBounds.earliest };
  await publishLookup({ pipeline, state, now: () => nowMs }, publication);
}
