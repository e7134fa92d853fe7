import { type Counters, noEvents, noPairs, type QueryCounters } from '../../core/events/counters.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';
import {
  type Attribute,
  type Attributes,
  type Clause,
  type Item,
  type Key,
  numberOf,
  type Table,
  textOf,
  type WriteOutcome,
} from '../table/table.ts';
import { partitionOf, partitionsOf } from './partition.ts';

/** The size of a shard's latest bucket of a query: from it the next one's page count follows. */
export interface BucketSize {
  readonly slice: number;
  readonly count: number;
  /** Estimated bytes of all its pages as they are stored. */
  readonly bytes: number;
}

/** The committed progress of one shard, `S` in the design: one small item, written once a chunk. */
export interface ShardProgress {
  /** The last record that is committed; undefined before the first. */
  readonly sequenceNumber: SequenceNumber | undefined;
  /** Greatest event time of any record that was not rejected, epoch ms. */
  readonly maxEventTime: number | undefined;
  /** When the stream took the last record that was not rejected, epoch ms. */
  readonly acceptedArrival: number | undefined;
  /** When the stream took the last committed record, epoch ms. */
  readonly lastArrival: number | undefined;
  /**
   * The shard's arrival clock, by which the horizon of `dedup` is measured, epoch ms; undefined where nothing is
   * deduplicated.
   */
  readonly arrivalClock: number | undefined;
  readonly counters: Counters;
  /** By name of the query. */
  readonly queries: Readonly<Record<string, QueryCounters>>;
  readonly sizes: Readonly<Record<string, BucketSize>>;
}

/** A shard before its first commit. */
export const noProgress: ShardProgress = {
  sequenceNumber: undefined,
  maxEventTime: undefined,
  acceptedArrival: undefined,
  lastArrival: undefined,
  arrivalClock: undefined,
  counters: noEvents,
  queries: {},
  sizes: {},
};

function progressKey(shardId: string): Key {
  return { pk: partitionOf('progress', shardId), sk: shardId };
}

/** Reads a shard's progress, strongly consistent. */
export async function readProgress(state: Table, shardId: string): Promise<ShardProgress> {
  const item = await state.get(progressKey(shardId));
  return item === undefined ? noProgress : progressOf(item);
}

/** The progress of every shard that ever committed, by shard; shards that left the stream keep theirs. */
export async function readAllProgress(state: Table): Promise<ReadonlyMap<string, ShardProgress>> {
  const items = await Promise.all(partitionsOf('progress').map((partition) => state.query(partition)));
  return new Map(items.flat().map((item) => [item.sk, progressOf(item)]));
}

/** Commits `next` on the condition that nobody has committed since `previous` was read. */
export function commitProgress(
  state: Table,
  shardId: string,
  previous: ShardProgress,
  next: ShardProgress,
): Promise<WriteOutcome> {
  const unchanged: Clause =
    previous.sequenceNumber === undefined
      ? { attribute: 'sequenceNumber', is: 'absent' }
      : { attribute: 'sequenceNumber', is: 'equal', to: previous.sequenceNumber };
  const { counters, queries, sizes, ...rest } = next;
  const attributes = { ...present(rest), counters: { ...counters }, queries: maps(queries), sizes: maps(sizes) };
  return state.put({ ...progressKey(shardId), attributes }, [unchanged]);
}

/** The progress in an item of {@link commitProgress}. */
export function progressOf(item: Item): ShardProgress {
  const { counters, queries, sizes } = item.attributes;
  return {
    sequenceNumber: textOf(item, 'sequenceNumber'),
    maxEventTime: numberOf(item, 'maxEventTime'),
    acceptedArrival: numberOf(item, 'acceptedArrival'),
    lastArrival: numberOf(item, 'lastArrival'),
    arrivalClock: numberOf(item, 'arrivalClock'),
    // Written by commitProgress above and by nobody else.
    counters: { ...noEvents, ...(counters as unknown as Counters) },
    queries: (queries ?? {}) as unknown as ShardProgress['queries'],
    sizes: (sizes ?? {}) as unknown as ShardProgress['sizes'],
  };
}

/** The counters of one query, zero before its first record. */
export function pairsOf(progress: ShardProgress, query: string): QueryCounters {
  return progress.queries[query] ?? noPairs;
}

function present(fields: Readonly<Record<string, Attribute | undefined>>): Attributes {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, Attribute] => field[1] !== undefined),
  );
}

function maps(records: Readonly<Record<string, QueryCounters | BucketSize>>): Attribute {
  return Object.fromEntries(Object.entries(records).map(([name, record]) => [name, { ...record }]));
}
