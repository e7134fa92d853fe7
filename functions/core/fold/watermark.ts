/** The finalizer's knowledge of a shard when it computes the watermark. */
export interface ShardObservation {
  readonly shardId: string;
  /** Greatest event time that was accepted, epoch ms; undefined before the first. */
  readonly maxEventTime: number | undefined;
  /** `idle` and `drained` are proven; such a shard does not hold the watermark (DESIGN 4.2, step 1). */
  readonly state: 'holding' | 'idle' | 'drained';
}

/** The global watermark, and the shard that holds it back. */
export interface GlobalWatermark {
  /**
   * Epoch ms. Undefined while it is held at minus infinity, or when there is nothing to compute it from: the watermark
   * then stays where it is.
   */
  readonly watermark: number | undefined;
  /**
   * The shard with the smallest watermark among those that hold it; the first without an event time, if there is one.
   */
  readonly heldBy: string | undefined;
}

/** A shard's own watermark: its greatest event time minus the delay, epoch ms. */
export function shardWatermark(maxEventTime: number, delayMs: number): number {
  return maxEventTime - delayMs;
}

/** The minimum over the shards that hold it; when none holds it, the maximum over all. */
export function globalWatermark(shards: readonly ShardObservation[], delayMs: number): GlobalWatermark {
  const holding = shards.filter((shard) => shard.state === 'holding');
  if (holding.length === 0) {
    const times = shards.flatMap((shard) => (shard.maxEventTime === undefined ? [] : [shard.maxEventTime]));
    return { watermark: times.length === 0 ? undefined : Math.max(...times) - delayMs, heldBy: undefined };
  }
  let slowest: ShardObservation | undefined;
  for (const shard of holding) {
    if (shard.maxEventTime === undefined) return { watermark: undefined, heldBy: shard.shardId };
    if (slowest?.maxEventTime === undefined || shard.maxEventTime < slowest.maxEventTime) slowest = shard;
  }
  return {
    watermark: slowest?.maxEventTime === undefined ? undefined : slowest.maxEventTime - delayMs,
    heldBy: slowest?.shardId,
  };
}
