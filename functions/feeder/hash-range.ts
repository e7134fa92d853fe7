import { createHash } from 'node:crypto';
import type { HashRange } from '../core/events/hash-range.ts';

/** The range of all hash keys. */
export const wholeRange: HashRange = { first: 0n, last: 2n ** 128n - 1n };

/** The hash key of a partition key by Kinesis's own rule: the MD5 of its UTF-8 bytes as an integer. */
export function partitionKeyHash(partitionKey: string | Buffer): bigint {
  return BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`);
}

/** Whether a hash key lies in a range. */
export function inRange({ first, last }: HashRange, hash: bigint): boolean {
  return first <= hash && hash <= last;
}
