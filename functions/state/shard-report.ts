import type { Counters } from '../core/counters.ts';
import type { Pipeline } from '../core/pipeline.ts';
import type { SequenceNumber } from '../core/sequence-number.ts';
import type { ShardObservation } from '../core/watermark.ts';
import { noProgress, readAllProgress, type ShardProgress } from './progress.ts';
import type { Stream, StreamShard } from './stream.ts';
import { numberOf, type Table, textOf } from './table.ts';

/** A shard as the finalizer sees it. */
export interface ShardReport extends ShardObservation {
  readonly sequenceNumber: SequenceNumber | undefined;
  readonly counters: Counters;
  /** Why it could not be read, if it could not: it holds the watermark then, and somebody should be told. */
  readonly unreadable: string | undefined;
}

interface Seen {
  readonly firstSeen: number;
  readonly drained: boolean;
}

const seenPartition = 'shards';

interface ObservationDeps {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly stream: Stream;
  readonly nowMs: number;
}

/** Every listed shard, and whether it holds the watermark (DESIGN 4.2, step 1). Shards that have left the stream hold nothing and are not listed. */
export async function observeShards(deps: ObservationDeps): Promise<readonly ShardReport[]> {
  const listed = await deps.stream.listShards();
  const [progress, seen] = await Promise.all([readAllProgress(deps.state), readSeen(deps.state)]);
  return Promise.all(
    listed.map(async (shard) => {
      const committed = progress.get(shard.shardId) ?? noProgress;
      const first = seen.get(shard.shardId) ?? (await noteSeen(deps, shard));
      const base = {
        shardId: shard.shardId,
        maxEventTime: committed.maxEventTime,
        sequenceNumber: committed.sequenceNumber,
        counters: committed.counters,
      };
      try {
        return { ...base, state: await stateOf(deps, shard, committed, first), unreadable: undefined };
      } catch (error) {
        return { ...base, state: 'holding' as const, unreadable: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

/** A shard stops holding the watermark only when it is proven drained or idle: time alone is no proof. */
async function stateOf(deps: ObservationDeps, shard: StreamShard, committed: ShardProgress, seen: Seen): Promise<ShardObservation['state']> {
  const { idleMs } = deps.pipeline;
  if (seen.drained) return 'drained';
  const tail = () => deps.stream.tail(shard.shardId, committed.sequenceNumber);
  if (shard.closed) {
    if ((await tail()) !== 'end') return 'holding';
    await deps.state.update(seenKey(shard.shardId), { set: { drained: true } }, [{ attribute: 'firstSeen', is: 'present' }]);
    return 'drained';
  }
  const accepted = Math.max(seen.firstSeen, committed.acceptedArrival ?? seen.firstSeen);
  if (deps.nowMs - accepted < idleMs) return 'holding';
  // A producer of garbage stops nobody's windows: records came, and for the whole time none was accepted.
  const onlyGarbage = committed.lastArrival !== undefined && committed.lastArrival - accepted >= idleMs;
  return onlyGarbage || (await tail()) === 'nothing' ? 'idle' : 'holding';
}

const seenKey = (shardId: string) => ({ pk: seenPartition, sk: shardId });

async function readSeen(state: Table): Promise<ReadonlyMap<string, Seen>> {
  const items = await state.query(seenPartition);
  return new Map(items.map((item) => [item.sk, { firstSeen: numberOf(item, 'firstSeen') ?? 0, drained: item.attributes.drained === true }]));
}

/** Notes when a shard was first seen. Conditional: the first note stays; one that loses the race counts from its own, later moment. */
async function noteSeen(deps: ObservationDeps, shard: StreamShard): Promise<Seen> {
  await deps.state.update(seenKey(shard.shardId), { set: { firstSeen: deps.nowMs } }, [{ attribute: 'firstSeen', is: 'absent' }]);
  return { firstSeen: deps.nowMs, drained: false };
}

/** What the last finalize run saw, kept for readers: they have no access to the stream. */
export interface StoredReport {
  /** When it was, epoch ms. */
  readonly at: number;
  readonly heldBy: string | undefined;
  /** The listed shards and what each was. */
  readonly shards: ReadonlyMap<string, ShardObservation['state'] | 'unreadable'>;
}

const reportKey = { pk: 'report', sk: 'report' };

/** Keeps a run's report. Unconditional: it informs and decides nothing, and the last one is as good as any. */
export async function writeReport(state: Table, shards: readonly ShardReport[], heldBy: string | undefined, nowMs: number): Promise<void> {
  const states = Object.fromEntries(shards.map((shard) => [shard.shardId, shard.unreadable === undefined ? shard.state : 'unreadable']));
  await state.update(reportKey, { set: { at: nowMs, heldBy: heldBy ?? '', shards: states } });
}

/** The report of the last run, or undefined before the first. */
export async function readReport(state: Table): Promise<StoredReport | undefined> {
  const item = await state.get(reportKey);
  if (item === undefined) return undefined;
  const shards = Object.entries(item.attributes.shards ?? {}) as [string, ShardObservation['state'] | 'unreadable'][];
  return { at: numberOf(item, 'at') ?? 0, heldBy: textOf(item, 'heldBy') || undefined, shards: new Map(shards) };
}
