import pLimit from 'p-limit';
import { longestDurationMs } from '../../functions/core/arguments/duration.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { addCounters, noEvents } from '../../functions/core/events/counters.ts';
import { eventTimeBounds } from '../../functions/core/events/event-time.ts';
import { cutNow, type FinalizeReport, type FinalizeRequest, finalize } from '../../functions/state/epochs/finalizer.ts';
import { readAllProgress } from '../../functions/state/epochs/progress.ts';
import { readWindows } from '../../functions/state/epochs/window-reader.ts';
import type { StoredSideEvent } from '../../functions/state/items/side-event.ts';
import { readSideOutput } from '../../functions/state/items/side-scan.ts';
import { type ShardAggregator, shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Pane, PaneOutline } from '../../functions/state/windows/pane.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { publishedPane } from '../fixtures/published-pane.ts';
import type { StreamEvent } from './vector-pipeline.ts';
import type { VirtualStream } from './virtual-stream.ts';

/** The system that a vector runs on: Tidemark's own code over tables in memory. Time is an argument everywhere. */
export interface World {
  /** Applies one Kinesis batch of one shard, with one event a record. */
  apply(shardId: string, events: readonly StreamEvent[], nowMs: number): Promise<void>;
  /** The test hook: closes everything up to a time, regardless of the shards. */
  raise(to: number, nowMs: number): Promise<void>;
  finalize(request: FinalizeRequest, nowMs: number): Promise<FinalizeReport>;
  /** Forgets everything in memory. */
  restart(): void;
  /** The panes that the finalizer gave to sinks so far. */
  panes(): readonly Pane[];
  /** The windows of all queries. */
  windows(status: 'final' | 'open' | 'all'): Promise<readonly WindowView[]>;
  /** The number of events that were refused because their window was closed. */
  lateCount(): Promise<number>;
  /** @throws unless received = counted + late + duplicate + rejected + filtered (DESIGN section 2) */
  checkConservation(): Promise<void>;
  /** The late and rejected events that arrived in the hour of a moment. */
  sideOutput(nowMs: number): Promise<readonly StoredSideEvent[]>;
}

/** The start of the virtual clock, epoch ms. No event of a vector is later, so none is in the future of its arrival. */
export const clockStart = eventTimeBounds.latest;

/** Every window lies between these, epoch ms. */
const allWindows = {
  from: eventTimeBounds.earliest - longestDurationMs,
  to: eventTimeBounds.latest + longestDurationMs,
};

const hourMs = 3_600_000;
const batchTimeMs = 60_000;

export function createWorld(pipeline: Pipeline, stream: VirtualStream): World {
  const tables = { state: memoryTable(), windows: memoryTable(), rejects: memoryTable() };
  const logs = new Map<string, number>();
  const published: Pane[] = [];
  const warm = new Map<string, ShardAggregator>();
  const limit = pLimit(8);
  const aggregatorOf = (shardId: string) => {
    const aggregator =
      warm.get(shardId) ??
      shardAggregator({ ...logClock, pipeline, shardId, state: tables.state, rejects: tables.rejects });
    warm.set(shardId, aggregator);
    return aggregator;
  };
  const options = (nowMs: number) => ({
    pipeline,
    ...tables,
    stream,
    limit,
    publish: async (pane: PaneOutline) => void published.push(await publishedPane(tables.windows, pipeline, pane)),
    now: () => nowMs,
    runId: 'finalize',
    remainingMs: () => batchTimeMs,
    retentionMs: 24 * hourMs,
  });
  const counters = async () =>
    [...(await readAllProgress(tables.state)).values()]
      .map((progress) => progress.counters)
      .reduce(addCounters, noEvents);
  return {
    async apply(shardId, events, nowMs) {
      const first = logs.get(shardId) ?? 1;
      logs.set(shardId, first + events.length);
      const records = events.map((event, at) => {
        const text = JSON.stringify(event);
        const raw = { text, subRecord: 0, bytes: () => Buffer.from(text) };
        return { sequenceNumber: String(first + at), arrival: nowMs, partitionKey: event.partition, events: [raw] };
      });
      const { resumeAt } = await aggregatorOf(shardId).apply(records, () => batchTimeMs);
      if (resumeAt !== undefined) throw new Error('a batch that ran out of time where time stands still');
    },
    raise: async (to, nowMs) => {
      await cutNow(options(nowMs), to);
    },
    finalize: (request, nowMs) => finalize(options(nowMs), request),
    panes: () => published,
    restart: () => warm.clear(),
    async windows(status) {
      const limitless = { order: 'ascending', limit: Number.POSITIVE_INFINITY } as const;
      const views = await Promise.all(
        pipeline.queries.map((query) =>
          readWindows({ pipeline, ...tables }, query, { ...allWindows, status, ...limitless }),
        ),
      );
      return views.flat();
    },
    lateCount: async () => (await counters()).late,
    async checkConservation() {
      const { received, counted, late, duplicate, rejected, filtered } = await counters();
      const put = [...logs.values()].reduce((total, next) => total + next - 1, 0);
      if (received !== put || received !== counted + late + duplicate + rejected + filtered)
        throw new Error(
          `${put} events put, ${received} received = ` +
            `${counted} + ${late} + ${duplicate} + ${rejected} + ${filtered} does not hold`,
        );
    },
    sideOutput: (nowMs) =>
      readSideOutput(tables.rejects, [...logs.keys()], {
        fromMs: nowMs,
        toMs: nowMs + 1,
        limit: Number.POSITIVE_INFINITY,
      }),
  };
}
