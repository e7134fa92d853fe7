import { lruMap } from '../core/arguments/lru-map.ts';
import type { ShardAggregator } from '../state/log/shard-aggregator.ts';

/** Most shards that a container remembers. */
const mostShards = 64;
/** Most ids of all shards together, half a gigabyte. A shard with more of them keeps its own. */
const mostIds = 10_000_000;

/**
 * The aggregators of the shards that a container has met. Lambda mostly keeps a shard with a container. The least
 * recently used one is forgotten first.
 * @param open makes the aggregator of a shard that is not remembered
 */
export function shardAggregators(open: (shardId: string) => ShardAggregator): (shardId: string) => ShardAggregator {
  const shards = lruMap<string, ShardAggregator>();
  const ids = () => [...shards.values()].reduce((total, { rememberedIds }) => total + rememberedIds, 0);
  return (shardId) => {
    const known = shards.get(shardId) ?? open(shardId);
    shards.set(shardId, known);
    shards.trim(() => shards.size === 1 || (shards.size <= mostShards && ids() <= mostIds));
    return known;
  };
}
