import pLimit from 'p-limit';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { type FinalizeReport, type FinalizeRequest, finalize } from '../../functions/state/epochs/finalizer.ts';
import { type ShardAggregator, shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Stream } from '../../functions/state/stream/stream.ts';
import type { Table } from '../../functions/state/table/table.ts';
import type { Pane } from '../../functions/state/windows/pane.ts';
import { type ItemStore, itemStore } from '../../functions/testing/item-store.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { publishedPane } from '../fixtures/published-pane.ts';

/** One event as a producer puts it: its text and its shard. */
export interface PutEvent {
  readonly text: string;
  readonly shard: number;
}

/** When the first record arrives, epoch ms. */
export const firstArrival = 1_700_000_000_000;

/**
 * A stream whose records have all been put, and the three tables in memory. Nothing here has a clock: a finalize run
 * comes long after the last arrival.
 */
export interface ProtocolWorld {
  readonly stores: { readonly state: ItemStore; readonly windows: ItemStore; readonly rejects: ItemStore };
  readonly logs: readonly (readonly StreamRecord[])[];
  readonly published: Pane[];
  shardId(shard: number): string;
  aggregator(shard: number, state?: Table): ShardAggregator;
  /** @param breakAt the number of the first call on its tables that fails: the run ends there */
  finalize(request?: FinalizeRequest, breakAt?: number): Promise<FinalizeReport>;
}

/**
 * Puts events, `perRecord` packed into each Kinesis record.
 * @param arrivalStepMs the time between the arrivals of two events of a shard
 */
export function protocolWorld(
  pipeline: Pipeline,
  events: readonly PutEvent[],
  shards: number,
  perRecord: number,
  arrivalStepMs = 1,
): ProtocolWorld {
  const stores = { state: itemStore(), windows: itemStore(), rejects: itemStore() };
  const tables = {
    state: memoryTable(stores.state),
    windows: memoryTable(stores.windows),
    rejects: memoryTable(stores.rejects),
  };
  const logs = Array.from({ length: shards }, (_, shard) => recordsOf(events, shard, perRecord, arrivalStepMs));
  const published: Pane[] = [];
  const shardId = (shard: number) => `shardId-${String(shard).padStart(12, '0')}`;
  const stream: Stream = {
    identity: async () => ({ name: 'stream', createdAt: 0 }),
    listShards: async () => logs.map((_, shard) => ({ shardId: shardId(shard), closed: false })),
    tail: async (id, after) => {
      const last = logs[Number(id.slice(8))]?.at(-1);
      return last === undefined || last.sequenceNumber === after ? 'nothing' : 'more';
    },
  };
  return {
    stores,
    logs,
    published,
    shardId,
    aggregator: (shard, state = tables.state) =>
      shardAggregator({ ...logClock, pipeline, state, rejects: tables.rejects, shardId: shardId(shard) }),
    finalize: (request = 'advance', breakAt = Number.POSITIVE_INFINITY) => {
      const calls = { left: breakAt };
      return finalize(
        {
          pipeline,
          state: breaking(tables.state, calls),
          windows: breaking(tables.windows, calls),
          stream,
          limit: pLimit(8),
          publish: async (pane) => {
            published.push(await publishedPane(tables.windows, pipeline, pane));
          },
          now: () => firstArrival + 1_000_000_000,
          runId: 'run',
          remainingMs: () => 60_000,
          retentionMs: 86_400_000,
        },
        request,
      );
    },
  };
}

/** A table whose calls fail after this many have succeeded. */
function breaking(table: Table, calls: { left: number }): Table {
  const call = <T>(run: () => Promise<T>) =>
    calls.left-- > 0 ? run() : Promise.reject(new Error('the run was interrupted'));
  return {
    get: (key) => call(() => table.get(key)),
    query: (pk, range) => call(() => table.query(pk, range)),
    put: (item, when) => call(() => table.put(item, when)),
    putAll: (items) => call(() => table.putAll(items)),
    update: (key, change, when) => call(() => table.update(key, change, when)),
    delete: (key, when) => call(() => table.delete(key, when)),
  };
}

function recordsOf(
  events: readonly PutEvent[],
  shard: number,
  perRecord: number,
  arrivalStepMs: number,
): readonly StreamRecord[] {
  const own = events.flatMap((event, position) => (event.shard === shard ? [{ ...event, position }] : []));
  const records: StreamRecord[] = [];
  for (let at = 0; at < own.length; at += perRecord) {
    records.push({
      // Longer than JavaScript's and DynamoDB's numbers, and of different lengths.
      sequenceNumber: `${10n ** 54n - 3n + BigInt(records.length)}`,
      arrival: firstArrival + at * arrivalStepMs,
      partitionKey: 'p',
      events: own
        .slice(at, at + perRecord)
        .map(({ text }, subRecord) => ({ text, subRecord, bytes: () => Buffer.from(text) })),
    });
  }
  return records;
}
