import { type AwsJson, AwsJsonError } from '../account/aws-json.ts';
import { type EventRecord, type KinesisRecord, toEventRecord } from './kinesis-event.ts';

/** The result of one read of a shard. */
export type ShardRead =
  /** `more`: the shard has more records already. */
  | { readonly kind: 'records'; readonly records: readonly EventRecord[]; readonly more: boolean }
  | { readonly kind: 'ended' };

/** Reads the records of one shard in order, each once, from a position to the end of the shard. */
export interface ShardSource {
  /** @throws when Kinesis cannot be reached; the next call goes on where the last successful one ended. */
  read(): Promise<ShardRead>;
}

interface GetRecordsAnswer {
  readonly Records: readonly KinesisRecord[];
  readonly NextShardIterator?: string | null;
  readonly MillisBehindLatest: number;
}

/** A source that starts after a sequence number, or (undefined) with the oldest record that the shard still has. */
export function createShardSource(
  kinesis: AwsJson,
  streamName: string,
  shardId: string,
  startAfter: string | undefined,
): ShardSource {
  let position = startAfter;
  let iterator: string | undefined;

  async function freshIterator(): Promise<string> {
    const from =
      position === undefined
        ? { ShardIteratorType: 'TRIM_HORIZON' }
        : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: position };
    const answer = await kinesis.call<{ readonly ShardIterator: string }>('GetShardIterator', {
      StreamName: streamName,
      ShardId: shardId,
      ...from,
    });
    return answer.ShardIterator;
  }

  async function getRecords(): Promise<GetRecordsAnswer> {
    iterator ??= await freshIterator();
    try {
      return await kinesis.call<GetRecordsAnswer>('GetRecords', { ShardIterator: iterator });
    } catch (error) {
      iterator = undefined;
      if (!(error instanceof AwsJsonError && error.code === 'ExpiredIteratorException')) throw error;
      iterator = await freshIterator();
      return kinesis.call<GetRecordsAnswer>('GetRecords', { ShardIterator: iterator });
    }
  }

  return {
    async read() {
      const answer = await getRecords();
      const records = answer.Records.map((record) => toEventRecord(record, shardId, streamName));
      position = records.at(-1)?.sequenceNumber ?? position;
      if (records.length === 0 && (answer.NextShardIterator ?? undefined) === undefined) return { kind: 'ended' };
      iterator = answer.NextShardIterator ?? undefined;
      return { kind: 'records', records, more: answer.MillisBehindLatest > 0 };
    },
  };
}
