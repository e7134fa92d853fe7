import pLimit from 'p-limit';
import { type Pipeline, tumbling } from '../../functions/core/index.ts';
import { epochBounds } from '../../functions/state/epochs/bounds.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { readWindow } from '../../functions/state/epochs/window-reader.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Stream } from '../../functions/state/stream/stream.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { publishedPane } from '../fixtures/published-pane.ts';
import { type Figure, yardstick } from './figure.ts';
import {
  batchMs,
  batchOf,
  eventsOf,
  firstTime,
  type KeyedEvent,
  type KeyedStream,
  keyedPipeline,
  recordsInBatch,
} from './keyed-events.ts';
import { meteredTable, nothingSpent, type Spent } from './metered-table.ts';

const shardId = 'shardId-000000000000';
const minuteMs = 60_000;
const batchesInMinute = minuteMs / batchMs;

/** Minutes of events that count: one hour, which is one turn of the merges of 8 and most of one of 64. */
const minutes = 60;

/** What is measured. The rows alone are what anybody writes; hourly windows have sixty times fewer. */
const cases = [
  { keys: 2, windowMs: minuteMs, dedup: false, most: undefined },
  { keys: 100, windowMs: minuteMs, dedup: false, most: undefined },
  { keys: 100, windowMs: 3_600_000, dedup: false, most: undefined },
  { keys: 100, windowMs: 3_600_000, dedup: true, most: undefined },
  { keys: 100_000, windowMs: 3_600_000, dedup: false, most: 10_000 },
] as const;

/**
 * Measures the write and read units of an hour of events, from the batches to the final rows: entries, epochs,
 * barriers, plans, marks, segments and their merges, manifests, and the expiry of what is emitted. Finalize runs every
 * minute. Beside them stand the least that any system writes, a row a window and key, and one conditional update a key
 * and batch.
 */
export async function benchPath(say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { keys, windowMs, dedup, most } of cases) {
    const stream = { keys, named: 'text', lateMs: 5000 } as const;
    const length = windowMs === minuteMs ? 'one-minute' : 'hourly';
    const name = `the whole path: ${keys.toLocaleString('en-US')} keys, ${length} windows${dedup ? ', deduplicated' : ''}`;
    say(`${name}: ${minutes} minutes of ${batchesInMinute} batches, a finalize run each`);
    const window = tumbling({ ms: windowMs });
    const byId = { by: ({ id }: KeyedEvent) => id, within: '1 hour' } as const;
    const pipeline = keyedPipeline(window, undefined, dedup ? byId : undefined);
    figures.push(...pathFigures(name, most, await walk(pipeline, stream, windowMs), updatesByHand(stream, windowMs)));
  }
  return figures;
}

/** What a way through the whole system has cost. */
interface Path {
  readonly aggregate: Spent;
  readonly finalize: Spent;
  /** Rows of final windows. */
  readonly rows: number;
  readonly runs: number;
  /** Read units of one window while it was open, in the middle. */
  readonly openWindowUnits: number;
}

function pathFigures(name: string, most: number | undefined, path: Path, updates: number): readonly Figure[] {
  const { aggregate, finalize: finalized, rows, runs, openWindowUnits } = path;
  const events = minutes * batchesInMinute * recordsInBatch;
  const perMillion = (units: number) => (units * 1_000_000) / events;
  const writes = { value: perMillion(aggregate.writeUnits + finalized.writeUnits), better: 'lower' } as const;
  const kinds = new Map(finalized.byKind);
  for (const [kind, units] of aggregate.byKind) kinds.set(kind, (kinds.get(kind) ?? 0) + units);
  const reads = { value: finalized.readUnits / runs, better: 'lower' } as const;
  return [
    {
      ...writes,
      name,
      unit: 'write units a million events',
      yardsticks: [
        yardstick(writes, 'one put a window and key', perMillion(rows)),
        yardstick(writes, 'one conditional update a key and batch', perMillion(updates)),
      ],
      ...(most === undefined
        ? {}
        : { target: { text: `at most ${most.toLocaleString('en-US')}`, met: writes.value <= most } }),
      details: {
        aggregate: perMillion(aggregate.writeUnits),
        finalize: perMillion(finalized.writeUnits),
        refused: aggregate.refusedWrites + finalized.refusedWrites,
        ...Object.fromEntries([...kinds].map(([kind, units]) => [kind, perMillion(units)])),
      },
    },
    {
      ...reads,
      name: `${name}, reads`,
      unit: 'read units a finalize run',
      yardsticks: [],
      details: {
        perMillionEvents: perMillion(finalized.readUnits),
        aggregateABatch: aggregate.readUnits / (minutes * batchesInMinute),
        openWindow: openWindowUnits,
      },
    },
  ];
}

/** An hour of batches with a finalize run every minute, and then the runs by which the last window is final. */
async function walk(pipeline: Pipeline, stream: KeyedStream, windowMs: number): Promise<Path> {
  const stores = { state: memoryTable(), windows: memoryTable(), rejects: memoryTable() };
  const [aggregated, finalized] = [nothingSpent(), nothingSpent()];
  let nowMs = firstTime;
  const aggregator = shardAggregator({
    pipeline,
    state: meteredTable(aggregated, stores.state),
    rejects: meteredTable(aggregated, stores.rejects),
    shardId,
    now: () => nowMs,
    attempt: () => 'attempt',
  });
  const [state, windows] = [meteredTable(finalized, stores.state), meteredTable(finalized, stores.windows)];
  let rows = 0;
  let runs = 0;
  const run = async (forgetsEvery = epochBounds.forgetsEvery) => {
    runs++;
    await finalize(
      {
        pipeline,
        state,
        windows,
        stream: flowingStream,
        limit: pLimit(32),
        publish: async (pane) => {
          rows += (await publishedPane(windows, pipeline, pane)).rows.length;
        },
        now: () => nowMs,
        runId: `run-${runs}`,
        remainingMs: () => 60_000,
        retentionMs: 7 * 86_400_000,
        bounds: { ...epochBounds, forgetsEvery },
      },
      'advance',
    );
  };
  let openWindowUnits = 0;
  const last = minutes * batchesInMinute;
  for (let batch = 0; batch < last; batch++) {
    nowMs = firstTime + (batch + 1) * batchMs;
    const { counters } = await aggregator.apply(batchOf(stream, batch), () => 60_000);
    if (counters.counted !== recordsInBatch)
      throw new Error(`${counters.counted} of ${recordsInBatch} records were counted`);
    if (batch % batchesInMinute === batchesInMinute - 1) await run();
    if (batch === last / 2 + batchesInMinute / 2) openWindowUnits = await openWindow(pipeline, stores, nowMs, windowMs);
  }
  // The watermark passes the last window.
  nowMs = firstTime + last * batchMs + minuteMs;
  await aggregator.apply(batchOf({ ...stream, lateMs: 0 }, last + batchesInMinute), () => 60_000);
  // What is emitted gets its expiry at last.
  await run(1);
  return { aggregate: aggregated, finalize: finalized, rows, runs, openWindowUnits };
}

/** The read units of the window that is open at a time. */
async function openWindow(
  pipeline: Pipeline,
  stores: Readonly<Record<'state' | 'windows', ReturnType<typeof memoryTable>>>,
  nowMs: number,
  windowMs: number,
): Promise<number> {
  const spent = nothingSpent();
  const [query] = pipeline.queries;
  if (query === undefined) throw new Error('no query');
  const tables = {
    pipeline,
    state: meteredTable(spent, stores.state),
    windows: meteredTable(spent, stores.windows),
  };
  const found = await readWindow(tables, query, Math.floor(nowMs / windowMs) * windowMs);
  if (found[0]?.status !== 'open') throw new Error('the window is not open');
  return spent.readUnits;
}

/** A stream that always has more to come, so that the shard holds the watermark at its own. */
const flowingStream: Stream = {
  identity: async () => ({ name: 'stream', createdAt: 0 }),
  listShards: async () => [{ shardId, closed: false }],
  tail: async () => 'more',
};

/** The updates of the batches, one for each window and key of each: a write unit each. */
function updatesByHand(stream: KeyedStream, windowMs: number): number {
  // A sample of the batches, spread over the hour.
  const every = batchesInMinute / 4;
  let updates = 0;
  for (let batch = 0; batch < minutes * batchesInMinute; batch += every)
    updates += new Set(eventsOf(stream, batch).map(({ time, key }) => `${Math.floor(time / windowMs)}#${key}`)).size;
  return updates * every;
}
