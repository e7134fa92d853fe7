import type { Stream } from '../../functions/state/stream/stream.ts';

/** A shard whose state the vector's steps decide. */
export interface VirtualShard {
  readonly shardId: string;
  /** Whether it is proven idle: a read after its last record finds nothing. */
  idle: boolean;
  /** Whether it takes no more records and is read to its end. */
  closed: boolean;
}

/** A stream under the runner's control. */
export interface VirtualStream extends Stream {
  /** The current shard of a partition, made when there is none. */
  shardOf(partition: string): VirtualShard;
  /** Ends a partition's shard, as a split or a merge does. A later shard of the same name is a different shard. */
  end(partition: string): void;
  /** Nothing more will come to any shard. */
  endAll(): void;
}

/** @param isQuiet whether a shard without a mark has nothing more to read; time then decides whether it is idle */
export function virtualStream(isQuiet: boolean): VirtualStream {
  const shards: VirtualShard[] = [];
  const current = new Map<string, VirtualShard>();
  let quiet = isQuiet;
  return {
    shardOf(partition) {
      const known = current.get(partition);
      if (known !== undefined) return known;
      const shard = { shardId: `shardId-${String(shards.length).padStart(12, '0')}`, idle: false, closed: false };
      shards.push(shard);
      current.set(partition, shard);
      return shard;
    },
    end(partition) {
      const shard = current.get(partition);
      if (shard !== undefined) shard.closed = true;
      current.delete(partition);
    },
    endAll() {
      quiet = true;
    },
    identity: async () => ({ name: 'stream', createdAt: 0 }),
    listShards: async () => shards.map(({ shardId, closed }) => ({ shardId, closed })),
    async tail(shardId) {
      const shard = shards.find((other) => other.shardId === shardId);
      if (shard?.closed === true) return 'end';
      return quiet || shard?.idle === true ? 'nothing' : 'more';
    },
  };
}
