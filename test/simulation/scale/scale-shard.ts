import type { StreamRecord } from '../../../functions/core/fold/stream-record.ts';
import type { SimulatedEvent } from '../workload.ts';

/** A shard whose records, one event each, follow from their position, so that they need not be kept. */
export interface ScaleShard {
  readonly shardId: string;
  /** The number of records that were put so far. */
  put: number;
  readonly closed?: boolean;
  event(position: number): SimulatedEvent;
}

const firstNumber = 10n ** 40n;

/** The number of records of a shard at or below a sequence number. */
export function recordsThrough(sequenceNumber: string): number {
  return Number(BigInt(sequenceNumber) - firstNumber) + 1;
}

/**
 * Records of a shard, from one position up to another, exclusive.
 * @param arrivalMs the time at which the stream took all of them, epoch ms
 */
export function recordsOf(shard: ScaleShard, from: number, to: number, arrivalMs: number): readonly StreamRecord[] {
  return Array.from({ length: to - from }, (_, i) => {
    const { id, time, key } = shard.event(from + i);
    const text = JSON.stringify({ id, time, key });
    return {
      sequenceNumber: `${firstNumber + BigInt(from + i)}`,
      arrival: arrivalMs,
      partitionKey: 'p',
      events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }],
    };
  });
}
