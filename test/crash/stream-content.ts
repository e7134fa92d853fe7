import { type AwsJson, createAwsJson } from '../../infra/local/account/aws-json.ts';
import type { KinesisRecord } from '../../infra/local/mapping/kinesis-event.ts';
import { streamName } from './load.ts';

/** A shard with all its records, in order. */
export interface ShardContent {
  readonly shardId: string;
  readonly parents: readonly string[];
  readonly records: readonly KinesisRecord[];
}

interface Shard {
  readonly ShardId: string;
  readonly ParentShardId?: string;
  readonly AdjacentParentShardId?: string;
}

/** The whole content of the stream from its oldest record on. Parents come before their children. */
export async function readStream(url: string): Promise<readonly ShardContent[]> {
  const kinesis = createAwsJson('kinesis', Number(new URL(url).port));
  try {
    const { Shards } = await kinesis.call<{ readonly Shards: readonly Shard[] }>('ListShards', {
      StreamName: streamName,
    });
    const content: ShardContent[] = [];
    for (const { ShardId, ParentShardId, AdjacentParentShardId } of Shards)
      content.push({
        shardId: ShardId,
        parents: [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined),
        records: await readShard(kinesis, ShardId),
      });
    return content;
  } finally {
    kinesis.close();
  }
}

/** The records of a shard. The stream is not written to any more, so the first empty read is the end of the shard. */
async function readShard(kinesis: AwsJson, ShardId: string): Promise<readonly KinesisRecord[]> {
  const from = { StreamName: streamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
  const records: KinesisRecord[] = [];
  let { ShardIterator } = await kinesis.call<{ ShardIterator: string }>('GetShardIterator', from);
  for (;;) {
    const answer = await kinesis.call<{ Records: readonly KinesisRecord[]; NextShardIterator?: string | null }>(
      'GetRecords',
      { ShardIterator },
    );
    records.push(...answer.Records);
    if (answer.Records.length === 0 || (answer.NextShardIterator ?? undefined) === undefined) return records;
    ShardIterator = answer.NextShardIterator ?? '';
  }
}
