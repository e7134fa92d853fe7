import type { Query } from '../../core/definition/pipeline.ts';
import { noPairs, type QueryCounters } from '../../core/events/counters.ts';
import { noProgress, type ShardProgress } from '../../core/log/totals.ts';
import { readEmitted, readGathered, readNewestEpoch } from '../log/epoch.ts';
import { readHeldBy } from '../log/held.ts';
import { lostLog, readTail } from '../log/log.ts';
import { isShard } from '../log/operator.ts';
import { type LogSums, readPlan } from '../log/plan.ts';
import { firstRegistration, type Registration, readRegistrations } from '../log/registration.ts';
import type { Table } from '../table/table.ts';
import { noSums, sumsOf } from './conservation.ts';
import { mostLogs } from './tails.ts';

/** Logs read at a time. */
const logsAtATime = 64;

/**
 * The progress of every registered shard, by shard: the totals of its last entry. One of which nothing is in yet is
 * among them. The entries of a sealed log may have expired; its registration keeps the totals.
 * @throws TidemarkError when a log was begun and is gone
 */
export async function readAllProgress(state: Table): Promise<ReadonlyMap<string, ShardProgress>> {
  const registrations = (await readRegistrations(state)).filter(({ shardId }) => isShard(shardId));
  const progress = new Map<string, ShardProgress>();
  for (let at = 0; at < registrations.length; at += logsAtATime)
    for (const [shardId, shard] of await Promise.all(
      registrations
        .slice(at, at + logsAtATime)
        .map(async (one) => [one.shardId, await progressOf(state, one)] as const),
    ))
      progress.set(shardId, shard);
  return progress;
}

async function progressOf(state: Table, { shardId, joined, sealed }: Registration): Promise<ShardProgress> {
  if (sealed !== undefined) return sealed;
  const tail = await readTail(state, shardId);
  if (tail === undefined && joined) throw lostLog(shardId);
  return tail?.totals ?? noProgress;
}

/** The pairs of one query in the totals of a shard, zero before its first record. */
export function pairsOf({ queries }: ShardProgress, query: string): QueryCounters {
  return queries[query] ?? noPairs;
}

/** How far a shard is in, as readers are told. */
export type ShardPlace = Pick<ShardProgress, 'sequenceNumber' | 'maxEventTime'>;

/** The progress of all shards of the stream. */
export interface StreamProgress {
  /** All registered shards, by name. */
  readonly shards: ReadonlyMap<string, ShardPlace>;
  readonly sums: LogSums;
  /**
   * The clock of the epoch that it is as of, epoch ms, where the logs are more than a request reads; before the first
   * epoch, when the first shard was registered. Undefined: every batch that was added before the read is in it.
   */
  readonly asOf: number | undefined;
}

/**
 * The progress of the stream for a request: from the last entries of the logs, up to {@link mostLogs}; of more logs
 * from the plan of the newest epoch that is gathered (DESIGN 4.4). A sealed log is not read.
 * @throws TidemarkError when a log was begun and is gone
 */
export async function readStreamProgress(state: Table): Promise<StreamProgress> {
  const registrations = (await readRegistrations(state)).filter(({ shardId }) => isShard(shardId));
  if (registrations.filter(({ sealed }) => sealed === undefined).length <= mostLogs) {
    const shards = new Map(
      await Promise.all(registrations.map(async (one) => [one.shardId, await progressOf(state, one)] as const)),
    );
    return { shards, sums: sumsOf(shards.values()), asOf: undefined };
  }
  const { epoch } = await readGathered(state);
  const plan = await readPlan(state, epoch);
  if (plan === undefined && epoch > 0) throw new Error(`the plan of epoch ${epoch} is missing`);
  return {
    shards: new Map(
      registrations.map(({ shardId, sealed }) => {
        const [sequenceNumber, maxEventTime] = plan?.places[shardId] ?? [null, null];
        const place = { sequenceNumber: sequenceNumber ?? undefined, maxEventTime: maxEventTime ?? undefined };
        return [shardId, sealed ?? place] as const;
      }),
    ),
    sums: plan?.sums ?? noSums,
    asOf: plan?.at ?? firstRegistration(registrations),
  };
}

/** The names of all registered shards, in order. */
export async function readShardIds(state: Table): Promise<readonly string[]> {
  return (await readRegistrations(state)).map(({ shardId }) => shardId).filter(isShard);
}

/** How far event time has come, in epoch ms; minus infinity before anything. `closedThrough` and the last only grow. */
export interface Watermarks {
  /** The greater of W as the last observation of the shards found it and `closedThrough`. */
  readonly watermark: number;
  /** C of the newest epoch that was elected. */
  readonly closedThrough: number;
  /** The panes of all windows that close at or before it are out. */
  readonly finalizedThrough: number;
}

/** The watermarks of readers. @param queries `finalizedThrough` is the least of theirs */
export async function readWatermarks(state: Table, queries: readonly Pick<Query, 'name'>[]): Promise<Watermarks> {
  const [emitted, held] = await Promise.all([readEmitted(state), readHeldBy(state)]);
  // Read after how far panes are out, so that it is not below that.
  const { closedThrough } = await readNewestEpoch(state);
  const finalized = queries.map(({ name }) => emitted.get(name)?.closedThrough ?? Number.NEGATIVE_INFINITY);
  return {
    watermark: Math.max(held.watermark, closedThrough),
    closedThrough,
    finalizedThrough: finalized.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...finalized),
  };
}
