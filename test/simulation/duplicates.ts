import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { SimulatedShard } from './workload.ts';

/**
 * The state of a shard that has been read through: the time at which each id was last counted, and the greatest arrival
 * of an event with an id.
 */
interface Seen {
  readonly first: ReadonlyMap<string, number>;
  readonly clock: number;
}

/**
 * The ids of the events that are duplicates, by the words of docs/GUARANTEES.md alone. It goes shard by shard, parents
 * before children, record by record.
 */
export function duplicatesOf({ dedup }: Pipeline, shards: readonly SimulatedShard[]): ReadonlySet<string> {
  const duplicates = new Set<string>();
  if (dedup === undefined) return duplicates;
  const seen = new Map<string, Seen>();
  for (const { shardId, parents, records } of shards) {
    const before = parents.flatMap((parent) => seen.get(parent) ?? []);
    let clock = Math.max(...before.map((parent) => parent.clock));
    const first = new Map<string, number>();
    for (const [id, at] of before.flatMap((parent) => [...parent.first]))
      first.set(id, Math.max(at, first.get(id) ?? at));
    for (const { arrival, content } of records)
      for (const { id, sentId, garbage } of content) {
        if (garbage || sentId === undefined) continue;
        clock = Math.max(clock, arrival);
        if (clock - (first.get(sentId) ?? Number.NEGATIVE_INFINITY) <= dedup.withinMs) duplicates.add(id);
        else first.set(sentId, clock);
      }
    seen.set(shardId, { first, clock });
  }
  return duplicates;
}
