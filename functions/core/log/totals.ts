import {
  addCounters,
  addQueryCounters,
  type Counters,
  noEvents,
  noPairs,
  type QueryCounters,
} from '../events/counters.ts';
import type { SequenceNumber } from '../events/sequence-number.ts';

/** The progress of a shard: how far its records are in, and what became of them. */
export interface ShardProgress {
  /** The last record that is in; undefined before the first. */
  readonly sequenceNumber: SequenceNumber | undefined;
  /** The greatest event time that was accepted, epoch ms; undefined before the first. */
  readonly maxEventTime: number | undefined;
  /** When the last record with an accepted event arrived, epoch ms; undefined before the first. */
  readonly acceptedArrival: number | undefined;
  /** When the last record arrived, epoch ms; undefined before the first. */
  readonly lastArrival: number | undefined;
  /** The greatest arrival of an event with an id, epoch ms; undefined before the first. */
  readonly arrivalClock: number | undefined;
  readonly counters: Counters;
  /** The pairs of each query, by its name. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
}

/** The progress of a shard before its first record. */
export const noProgress: ShardProgress = {
  sequenceNumber: undefined,
  maxEventTime: undefined,
  acceptedArrival: undefined,
  lastArrival: undefined,
  arrivalClock: undefined,
  counters: noEvents,
  queries: {},
};

/**
 * The running totals that every entry of a log carries (DESIGN section 1): whoever knows the last entry knows the
 * shard.
 */
export interface LogTotals extends ShardProgress {
  /** The epoch of the last barrier, or of the join. */
  readonly epoch: number;
  /** C of that epoch, epoch ms: a pair that closes at or before it is late. Minus infinity: nothing is closed. */
  readonly closedThrough: number;
  /** The position of the last barrier, or of the join. */
  readonly barrier: number;
  /** Bytes of the sections behind the barrier before this entry; a barrier keeps what it cuts. */
  readonly bytes: number;
  /** When the first entry behind the last barrier was put, epoch ms; undefined: nothing is behind it. */
  readonly freshSince: number | undefined;
  /**
   * A lower bound of when the oldest entry that is not gathered was put, epoch ms; undefined: all of them are behind
   * the last barrier.
   */
  readonly oldest: number | undefined;
  /**
   * Queries with pairs above that the code of the last batch did not know, and counted nothing for: a deployment before
   * theirs, or one that was put back. Their windows have a gap.
   */
  readonly passedOver: readonly string[];
}

/** What a batch adds to the totals of its log. */
export interface BatchTotals extends Omit<ShardProgress, 'sequenceNumber' | 'lastArrival'> {
  readonly sequenceNumber: SequenceNumber;
  readonly lastArrival: number;
  /** Bytes of its sections. */
  readonly bytes: number;
}

/**
 * The totals of an entry for a batch, made anew from those of the entry before it.
 * @param isAfterBatch whether the entry before it is of a batch too, and not a barrier
 * @param putAt when it is put, epoch ms
 */
export function totalsAfterBatch(
  before: LogTotals,
  batch: BatchTotals,
  isAfterBatch: boolean,
  putAt: number,
): LogTotals {
  const names = new Set([...Object.keys(before.queries), ...Object.keys(batch.queries)]);
  return {
    ...before,
    sequenceNumber: batch.sequenceNumber,
    maxEventTime: greatest(before.maxEventTime, batch.maxEventTime),
    acceptedArrival: batch.acceptedArrival ?? before.acceptedArrival,
    lastArrival: batch.lastArrival,
    arrivalClock: greatest(before.arrivalClock, batch.arrivalClock),
    counters: addCounters(before.counters, batch.counters),
    queries: Object.fromEntries(
      Array.from(names, (name) => [
        name,
        addQueryCounters(before.queries[name] ?? noPairs, batch.queries[name] ?? noPairs),
      ]),
    ),
    bytes: (isAfterBatch ? before.bytes : 0) + batch.bytes,
    freshSince: before.freshSince ?? putAt,
    passedOver: Object.keys(before.queries).filter((name) => !Object.hasOwn(batch.queries, name)),
  };
}

/** The totals of a barrier: it copies all but its epoch, its C, its place and the oldest entry (DESIGN section 1). */
export function totalsAtBarrier(
  before: LogTotals,
  { epoch, closedThrough }: { readonly epoch: number; readonly closedThrough: number },
  isAfterBatch: boolean,
  position: number,
): LogTotals {
  return {
    ...before,
    epoch,
    closedThrough,
    barrier: position,
    bytes: isAfterBatch ? before.bytes : 0,
    oldest: before.freshSince,
    freshSince: undefined,
  };
}

/** The totals of a join, position 1 of a log. */
export function totalsAtJoin(epoch: number, closedThrough: number): LogTotals {
  return {
    ...noProgress,
    epoch,
    closedThrough,
    barrier: 1,
    bytes: 0,
    freshSince: undefined,
    oldest: undefined,
    passedOver: [],
  };
}

function greatest(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.max(left, right);
}
