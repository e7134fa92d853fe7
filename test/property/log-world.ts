import type { StandardSchemaV1 } from '@standard-schema/spec';
import pLimit from 'p-limit';
import type { Json } from '../../functions/core/aggregates/index.ts';
import type { Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import { noEvents, noPairs } from '../../functions/core/events/counters.ts';
import { createFold } from '../../functions/core/fold/fold.ts';
import { inputsOf } from '../../functions/core/fold/partial.ts';
import { encodeBlock } from '../../functions/core/log/block.ts';
import { type Section, sectionsText } from '../../functions/core/log/section.ts';
import { totalsAfterBatch } from '../../functions/core/log/totals.ts';
import { lastClosing } from '../../functions/core/windows/window.ts';
import { type EpochBounds, epochBounds } from '../../functions/state/epochs/bounds.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import type { StoredEntry } from '../../functions/state/log/entry.ts';
import { putEntry } from '../../functions/state/log/log.ts';
import { joinedTail } from '../../functions/state/log/registration.ts';
import type { Stream } from '../../functions/state/stream/stream.ts';
import type { Table } from '../../functions/state/table/table.ts';
import type { Pane } from '../../functions/state/windows/pane.ts';
import type { ReaderTables } from '../../functions/state/windows/window-view.ts';
import { itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { publishedPane } from '../fixtures/published-pane.ts';

/** An event of the world: its key is a user. */
export interface LogEvent {
  readonly time: number;
  readonly user: string;
  readonly amount: number;
}

/** A schema that accepts everything as an event. */
export const anyEvent: StandardSchemaV1<unknown, LogEvent> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as LogEvent }) },
};

/** An event that a query counted, with what its log said then. */
export interface CountedEvent extends LogEvent {
  /** C of the barrier before it, epoch ms. */
  readonly closedThrough: number;
  /** The epoch that gathers it. */
  readonly epoch: number;
}

/** Called before each call on a table; it may read, run something, or throw. */
export type Before = (call: number, table: 'state' | 'windows') => Promise<void>;

/**
 * Shards whose logs are written here by the rule of the design, without the aggregate function, and the real finalizer,
 * over tables in memory.
 */
export interface LogWorld {
  readonly pipeline: Pipeline;
  readonly tables: ReaderTables;
  /** What each query counted, in the order of adding. */
  readonly counted: ReadonlyMap<string, readonly CountedEvent[]>;
  readonly published: readonly Pane[];
  /** Adds a batch to a shard's log. */
  add(shard: number, events: readonly LogEvent[]): Promise<void>;
  /** The shard ends: it takes no more batches. */
  close(shard: number): void;
  finalize(request?: 'advance' | 'drain', before?: Before): Promise<void>;
  /** The tables, with something to do before each call. */
  tablesWith(before: Before): ReaderTables;
  /** Epoch ms. */
  now(): number;
  /** Lets time pass, ms. */
  pass(ms: number): void;
}

/**
 * A world of so many shards.
 * @param bounds of the finalizer, where they are not those of a deployment
 */
export function logWorld(pipeline: Pipeline, shards: number, bounds: Partial<EpochBounds> = {}): LogWorld {
  const state = memoryTable(itemStore());
  const windows = memoryTable(itemStore());
  const counted = new Map<string, CountedEvent[]>(pipeline.queries.map(({ name }) => [name, []]));
  const published: Pane[] = [];
  const closed = new Set<number>();
  let nowMs = 1_700_000_000_000;
  let sequence = 0;
  let runs = 0;
  const shardId = (shard: number) => `shardId-${String(shard).padStart(12, '0')}`;
  const stream: Stream = {
    identity: async () => ({ name: 'stream', createdAt: 0 }),
    listShards: async () =>
      Array.from({ length: shards }, (_, shard) => ({ shardId: shardId(shard), closed: closed.has(shard) })),
    tail: async (id) => (closed.has(Number(id.slice(8))) ? 'end' : 'nothing'),
  };
  const tablesWith = (before: Before): ReaderTables => {
    let calls = 0;
    const wrapped = (table: Table, name: 'state' | 'windows'): Table => {
      const call = async <T>(run: () => Promise<T>): Promise<T> => {
        await before(calls++, name);
        return run();
      };
      return {
        get: (key) => call(() => table.get(key)),
        query: (pk, range) => call(() => table.query(pk, range)),
        put: (item, when) => call(() => table.put(item, when)),
        putAll: (items) => call(() => table.putAll(items)),
        update: (key, change, when) => call(() => table.update(key, change, when)),
        delete: (key, when) => call(() => table.delete(key, when)),
      };
    };
    return { pipeline, state: wrapped(state, 'state'), windows: wrapped(windows, 'windows') };
  };

  return {
    pipeline,
    tables: { pipeline, state, windows },
    counted,
    published,
    tablesWith,
    now: () => nowMs,
    pass(ms) {
      nowMs += ms;
    },
    close(shard) {
      closed.add(shard);
    },
    async add(shard, events) {
      if (closed.has(shard)) return;
      const id = shardId(shard);
      nowMs += 1;
      const tail = await joinedTail(state, id, nowMs);
      const { sections, pairs } = sectionsAt(pipeline, tail, events, counted);
      const text = sectionsText(sections);
      const late = events.filter((event) =>
        pipeline.queries.every((query) => isLate(query, event.time, tail.totals.closedThrough)),
      ).length;
      const totals = totalsAfterBatch(
        tail.totals,
        {
          sequenceNumber: String(++sequence).padStart(20, '0'),
          maxEventTime: Math.max(...events.map(({ time }) => time)),
          acceptedArrival: nowMs,
          lastArrival: nowMs,
          arrivalClock: undefined,
          counters: { ...noEvents, received: events.length, counted: events.length - late, late },
          queries: pairs,
          bytes: text.length,
        },
        tail.kind === 'batch',
        nowMs,
      );
      const entry = { position: tail.position + 1, kind: 'batch', putAt: nowMs, totals } as const;
      if ((await putEntry(state, id, tail, entry, { sections: text })) !== 'applied')
        throw new Error('nobody else writes here');
    },
    async finalize(request = 'advance', before = async () => {}) {
      nowMs += 1_000;
      const tables = tablesWith(before);
      await finalize(
        {
          ...tables,
          stream,
          limit: pLimit(8),
          publish: async (pane) => {
            published.push(await publishedPane(tables.windows, pipeline, pane));
          },
          now: () => nowMs,
          bounds: { ...epochBounds, ...bounds },
          runId: `run ${++runs}`,
          remainingMs: () => 60_000,
          retentionMs: 86_400_000,
        },
        request,
      );
    },
  };
}

/** Whether a pair is late: its last closing is at or below the C of its log. */
function isLate({ window }: Query, time: number, closedThrough: number): boolean {
  return lastClosing(window, window.sliceOf(time)) <= closedThrough;
}

function sectionsAt(
  pipeline: Pipeline,
  { totals }: StoredEntry,
  events: readonly LogEvent[],
  counted: ReadonlyMap<string, CountedEvent[]>,
) {
  const sections: Section[] = [];
  const pairs: Record<string, typeof noPairs> = {};
  for (const query of pipeline.queries) {
    const inTime = events.filter(({ time }) => !isLate(query, time, totals.closedThrough));
    pairs[query.name] = { ...noPairs, counted: inTime.length, late: events.length - inTime.length };
    if (inTime.length === 0) continue;
    const fold = createFold();
    for (const event of inTime) {
      const key = query.keyOf(event);
      const inputs = inputsOf(query, event, event.time);
      if (typeof key !== 'string' || 'refused' in inputs) throw new Error('every event has a key and inputs');
      fold.add(query, key, inputs, event.time);
      counted.get(query.name)?.push({ ...event, closedThrough: totals.closedThrough, epoch: totals.epoch + 1 });
    }
    const parts = [...fold.slices].map(({ slice, records, keys }) => ({
      slice,
      records,
      partials: [...keys.values()].map(({ key, states }) => [key, states] as const),
    }));
    sections.push({ query: query.name, block: encodeBlock(query, parts) as Json, late: [] });
  }
  return { sections, pairs };
}
