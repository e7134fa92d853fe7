/** A shard of Kinesis without the zeros of its name: `shard 3`. `--json` has the name that AWS knows. */
export function shardText(shardId: string): string {
  return shardId.replace(/^shardId-0*(\d+)$/, 'shard $1');
}
