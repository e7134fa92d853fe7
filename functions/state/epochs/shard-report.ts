import type { Pipeline } from '../../core/definition/pipeline.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import type { ShardObservation } from '../../core/fold/watermark.ts';
import type { ShardProgress } from '../../core/log/totals.ts';
import type { Stream, StreamShard } from '../stream/stream.ts';
import { numberOf, type Table, textOf } from '../table/table.ts';

/** A shard as the finalizer sees it. */
export interface ShardReport extends ShardObservation {
  readonly sequenceNumber: SequenceNumber | undefined;
  /** Why it could not be read, if it could not: it holds the watermark then, and somebody should be told. */
  readonly unreadable: string | undefined;
}

/** The state of a shard that is kept between runs, and for readers, who have no access to the stream. */
export interface SeenShard {
  /** When a finalize run first saw it, epoch ms. */
  readonly firstSeen: number;
  /** The state that the last run found; drained is for ever. */
  readonly state: ShardObservation['state'] | 'unreadable';
}

const seenPartition = 'shards';

interface ObservationDeps {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly stream: Stream;
  readonly nowMs: number;
}

/** What a shard is, as far as its progress and the stream tell; one that cannot be read holds the watermark. */
export async function lookAtShard(
  deps: Pick<ObservationDeps, 'pipeline' | 'stream' | 'nowMs'>,
  shard: StreamShard,
  committed: ShardProgress,
  seen: SeenShard,
): Promise<Pick<ShardReport, 'state' | 'unreadable'>> {
  try {
    return { state: await stateOf(deps, shard, committed, seen), unreadable: undefined };
  } catch (error) {
    return { state: 'holding', unreadable: error instanceof Error ? error.message : String(error) };
  }
}

/** A shard stops holding the watermark only when it is proven drained or idle: time alone is not a proof. */
async function stateOf(
  deps: Pick<ObservationDeps, 'pipeline' | 'stream' | 'nowMs'>,
  shard: StreamShard,
  committed: ShardProgress,
  seen: SeenShard,
): Promise<ShardObservation['state']> {
  const { idleMs } = deps.pipeline;
  if (seen.state === 'drained') return 'drained';
  const tail = () => deps.stream.tail(shard.shardId, committed.sequenceNumber);
  if (shard.closed) return (await tail()) === 'end' ? 'drained' : 'holding';
  const accepted = Math.max(seen.firstSeen, committed.acceptedArrival ?? seen.firstSeen);
  if (deps.nowMs - accepted < idleMs) return 'holding';
  // A producer of garbage stops nobody's windows: records came, and for the whole time none was accepted.
  const onlyGarbage = committed.lastArrival !== undefined && committed.lastArrival - accepted >= idleMs;
  return onlyGarbage || (await tail()) === 'nothing' ? 'idle' : 'holding';
}

const seenKey = (shardId: string) => ({ pk: seenPartition, sk: shardId });

/** The shards that finalize runs have seen, by name; also those that have left the stream since. */
export async function readSeenShards(state: Table): Promise<ReadonlyMap<string, SeenShard>> {
  const items = await state.query(seenPartition);
  // Written by noteSeen and noteState below and by nobody else.
  return new Map(
    items.map((item) => [
      item.sk,
      { firstSeen: numberOf(item, 'firstSeen') ?? 0, state: textOf(item, 'state') as SeenShard['state'] },
    ]),
  );
}

/**
 * Notes when a shard was first seen. Conditional: the first note stays; one that loses the race counts from its own,
 * later moment.
 */
export async function noteSeen(
  { state, nowMs }: Pick<ObservationDeps, 'state' | 'nowMs'>,
  shardId: string,
): Promise<SeenShard> {
  await state.update(seenKey(shardId), { set: { firstSeen: nowMs, state: 'holding' } }, [
    { attribute: 'firstSeen', is: 'absent' },
  ]);
  return { firstSeen: nowMs, state: 'holding' };
}

/**
 * Keeps what a shard is, when that has changed. Conditional: drained is for ever; the rest informs readers, and the
 * last run is as good as any.
 */
export async function noteState(
  table: Table,
  shardId: string,
  before: SeenShard,
  state: SeenShard['state'],
): Promise<void> {
  if (state !== before.state)
    await table.update(seenKey(shardId), { set: { state } }, [
      { attribute: 'state', is: 'absentOrOther', than: 'drained' },
    ]);
}
