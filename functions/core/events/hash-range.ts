/** A range of Kinesis hash keys, 0 to 2^128 - 1, both ends inclusive: of a shard, or of all that lead to one. */
export interface HashRange {
  readonly first: bigint;
  readonly last: bigint;
}
