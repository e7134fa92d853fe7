import { setTimeout as sleep } from 'node:timers/promises';
import { type _Record, GetRecordsCommand, GetShardIteratorCommand, type KinesisClient, type Shard } from '@aws-sdk/client-kinesis';
import { isOpen } from './shards.ts';

/** Where the shards are. */
export interface ShardPlace {
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  readonly signal?: AbortSignal | undefined;
}

/** Empty answers in a row, each saying "not behind", after which an open shard has no more: kinesalite says so even when it is behind. */
const emptyAnswers = 2;
/** Wait after a throttled or an empty answer of AWS, whose limit is five reads a second for each shard, all readers together. */
const pauseMs = 250;

/** What a shard holds, in order, from a position to the tip. @param after begin after this sequence number; undefined: with the oldest record */
export async function* readShard(
  { kinesis, streamName, signal }: ShardPlace,
  shard: Shard,
  after: string | undefined,
): AsyncGenerator<readonly _Record[]> {
  const start = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: streamName,
      ShardId: shard.ShardId,
      ...(after === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: after }),
    }),
  );
  let empty = 0;
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
    empty = records.length === 0 && !behind ? empty + 1 : 0;
    if (isOpen(shard) && empty >= emptyAnswers) return;
    if (behind) await sleep(pauseMs);
    iterator = answer.NextShardIterator; // none: the end of a closed shard
  }
}

async function getRecords(kinesis: KinesisClient, iterator: string) {
  try {
    return await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
  } catch (error) {
    if (error instanceof Error && error.name === 'ProvisionedThroughputExceededException') return 'throttled';
    throw error;
  }
}
