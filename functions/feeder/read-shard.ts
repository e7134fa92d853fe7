import { setTimeout as sleep } from 'node:timers/promises';
import {
  type _Record,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  type Shard,
} from '@aws-sdk/client-kinesis';
import { isOpen } from './shards.ts';

/** The stream that the shards belong to. */
export interface ShardPlace {
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * How long to wait after a throttled or an empty answer of AWS. Its limit is five reads a second for each shard, all
 * readers together.
 */
const pauseMs = 250;

/** The start of reading a shard: after a sequence number, or with the first record that arrived at or after a time. */
export type ShardStart = { readonly after: string } | { readonly arrivedAt: Date };

/** The records of a shard, in order, from a position to the tip. @param from undefined: the oldest record */
export async function* readShard(
  { kinesis, streamName, signal }: ShardPlace,
  shard: Shard,
  from: ShardStart | undefined,
): AsyncGenerator<readonly _Record[]> {
  const start = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: streamName,
      ShardId: shard.ShardId,
      ...iteratorAt(from),
    }),
  );
  for (let iterator = start.ShardIterator; iterator !== undefined; ) {
    signal?.throwIfAborted();
    const answer = await getRecords(kinesis, iterator);
    if (answer === 'throttled') {
      await sleep(pauseMs * 2);
      continue;
    }
    const records = answer.Records ?? [];
    if (records.length > 0) yield records;
    const behind = (answer.MillisBehindLatest ?? 0) > 0;
    if (isOpen(shard) && !behind) return;
    if (behind) await sleep(pauseMs);
    iterator = answer.NextShardIterator; // none: the end of a closed shard
  }
}

function iteratorAt(from: ShardStart | undefined) {
  if (from === undefined) return { ShardIteratorType: 'TRIM_HORIZON' } as const;
  if ('after' in from)
    return { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: from.after } as const;
  return { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: from.arrivedAt } as const;
}

async function getRecords(kinesis: KinesisClient, iterator: string) {
  try {
    return await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
  } catch (error) {
    if (error instanceof Error && error.name === 'ProvisionedThroughputExceededException') return 'throttled';
    throw error;
  }
}
