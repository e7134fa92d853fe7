/**
 * Over how many partitions of the state table the items that the finalizer reads whole are spread (shard progress, the
 * registry): fixed, for a reader has to find them all; each partition takes 1,000 writes a second.
 */
const partitions = 2;

/** The partition of a shard's items of one kind. */
export function partitionOf(kind: string, shardId: string): string {
  let hash = 0;
  for (let i = 0; i < shardId.length; i++) hash = (hash * 31 + shardId.charCodeAt(i)) % partitions;
  return `${kind}#${hash}`;
}

/** All partitions of one kind. */
export function partitionsOf(kind: string): readonly string[] {
  return Array.from({ length: partitions }, (_, i) => `${kind}#${i}`);
}
