import {
  type KinesisClient,
  ListShardsCommand,
  type ListShardsCommandInput,
  type Shard,
} from '@aws-sdk/client-kinesis';
import { TidemarkError } from '../core/arguments/error.ts';
import type { HashRange } from '../core/events/hash-range.ts';

/** A shard that takes records. */
export interface OpenShard {
  readonly shardId: string;
  readonly range: HashRange;
}

/** Whether a shard still takes records; a closed one has an end. */
export function isOpen(shard: Shard): boolean {
  return shard.SequenceNumberRange?.EndingSequenceNumber === undefined;
}

/**
 * All shards of a stream, parents included. Throws the SDK's ResourceNotFoundException when the stream does not exist.
 */
export async function listShards(kinesis: KinesisClient, streamName: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let page: ListShardsCommandInput | undefined = { StreamName: streamName };
  while (page !== undefined) {
    const answer: { Shards?: Shard[] | undefined; NextToken?: string | undefined } = await kinesis.send(
      new ListShardsCommand(page),
    );
    shards.push(...(answer.Shards ?? []));
    page = answer.NextToken === undefined ? undefined : { NextToken: answer.NextToken };
  }
  return shards;
}

/** The shards that take records, in the order of their hash keys; together they cover all of them. */
export async function listOpenShards(kinesis: KinesisClient, streamName: string): Promise<OpenShard[]> {
  const open = (await listShards(kinesis, streamName)).filter(isOpen).map(
    (shard): OpenShard => ({
      shardId: shard.ShardId ?? '',
      range: {
        first: BigInt(shard.HashKeyRange?.StartingHashKey ?? 0),
        last: BigInt(shard.HashKeyRange?.EndingHashKey ?? 0),
      },
    }),
  );
  if (open.length === 0)
    throw new TidemarkError(
      `the stream ${streamName} has no open shard yet: wait until it is ACTIVE and run the command again`,
    );
  return open.sort((a, b) => (a.range.first < b.range.first ? -1 : 1));
}
