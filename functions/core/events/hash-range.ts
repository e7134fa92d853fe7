/**
 * A range of Kinesis hash keys, from 0 to 2^128 - 1, both ends inclusive. It is that of a shard, or of all keys that
 * lead to one.
 */
export interface HashRange {
  readonly first: bigint;
  readonly last: bigint;
}
