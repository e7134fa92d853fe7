import type { StreamRecord } from '../core/fold/stream-record.ts';
import type { StreamShard, Tail } from '../state/stream/stream.ts';

/** A shard of a stream in memory, with its records in order and its lifetime. Times are epoch ms. */
export interface MemoryShard {
  readonly shardId: string;
  /** The shards that it was split or merged from. */
  readonly parents: readonly string[];
  /** From when on the stream lists it; infinity until that is known. */
  readonly createdAt: number;
  /** From when on it takes no records; undefined while it stays open. */
  readonly closedAt: number | undefined;
  /** Records that arrive later than now are not there yet. */
  readonly records: readonly Pick<StreamRecord, 'sequenceNumber' | 'arrival'>[];
}

/** The shards that a stream lists at a moment, epoch ms. */
export function shardsAt(shards: readonly MemoryShard[], nowMs: number): readonly StreamShard[] {
  return shards
    .filter(({ createdAt }) => createdAt <= nowMs)
    .map(({ shardId, closedAt, parents }) => ({
      shardId,
      closed: closedAt !== undefined && closedAt <= nowMs,
      parents,
    }));
}

/** What comes after a record of a shard, or after its beginning, as the stream knows it at a moment, epoch ms. */
export function tailAt({ records, closedAt }: MemoryShard, after: string | undefined, nowMs: number): Tail {
  const last = records.at(-1);
  // Mostly asked after the last record, and a shard may have very many.
  const isLast = last !== undefined && last.sequenceNumber === after;
  const from = isLast ? records.length : records.findIndex(({ sequenceNumber }) => sequenceNumber === after) + 1;
  const next = records[from];
  if (next !== undefined && next.arrival <= nowMs) return 'more';
  return closedAt !== undefined && closedAt <= nowMs ? 'end' : 'nothing';
}
