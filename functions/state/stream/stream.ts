import type { HashRange } from '../../core/events/hash-range.ts';
import type { SequenceNumber } from '../../core/events/sequence-number.ts';

/** A shard as the stream lists it. */
export interface StreamShard {
  readonly shardId: string;
  /** True for a shard that was split or merged: it takes no more records. */
  readonly closed: boolean;
  /** The shards that it was split or merged from. @default none */
  readonly parents?: readonly string[];
  /** @default not known */
  readonly hashRange?: HashRange;
}

/** The result of a read after a sequence number: more to come, nothing for now, or the end of a closed shard. */
export type Tail = 'more' | 'nothing' | 'end';

/** The mark that tells a stream from every other one, of the same name too. */
export type StreamIdentity = { readonly name: string } & (
  | {
      /**
       * Epoch ms, in whole seconds, as Kinesis gives it. A stream cannot be deleted and made again within one second.
       */
      readonly createdAt: number;
    }
  | {
      /** An id that no other stream ever has, such as the id of a Kafka topic. */
      readonly id: string;
    }
);

/** The stream, as the finalizer needs it. Implemented for Kinesis, for Kafka and by the simulator. */
export interface Stream {
  identity(): Promise<StreamIdentity>;
  /** All shards of which the stream still has records, closed ones too. */
  listShards(): Promise<readonly StreamShard[]>;
  /**
   * Whether anything comes after a record of a shard, or after its beginning. `nothing` and `end` are proofs: a read
   * that is behind answers `more`.
   */
  tail(shardId: string, after: SequenceNumber | undefined): Promise<Tail>;
}

/** The shards that one was split or merged from, and theirs in turn, as far as the stream still lists them. */
export function ancestorsOf(shards: readonly StreamShard[], shardId: string): readonly string[] {
  const parents = new Map(shards.map((shard) => [shard.shardId, shard.parents ?? []]));
  const found = new Set<string>();
  const visit = (child: string): void => {
    for (const parent of parents.get(child) ?? []) {
      if (found.has(parent)) continue;
      found.add(parent);
      visit(parent);
    }
  };
  visit(shardId);
  return [...found];
}
