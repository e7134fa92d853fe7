import { type AwsJson, AwsJsonError } from '../account/aws-json.ts';
import { type EventRecord, type KinesisRecord, toEventRecord } from './kinesis-event.ts';

/** The result of one read of a shard. */
export type ShardRead =
  /** `more`: the read gave as many records as it was asked for, so there may be more at once. */
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
}

/**
 * The aim (bytes) of one read. Kinesis gives at most 10 MB a read. kinesalite gives as many records as it is asked for,
 * so the limit follows the size of the records.
 */
const readBytes = 8 * 1024 * 1024;
/** Kinesis's own limit for one read. */
const mostRecords = 10_000;

/** A source that starts after a sequence number, or (undefined) with the oldest record that the shard still has. */
export function createShardSource(
  kinesis: AwsJson,
  streamName: string,
  shardId: string,
  startAfter: string | undefined,
): ShardSource {
  let position = startAfter;
  let iterator: string | undefined;
  let limit = 1_000;

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
      return await kinesis.call<GetRecordsAnswer>('GetRecords', { ShardIterator: iterator, Limit: limit });
    } catch (error) {
      iterator = undefined;
      if (!(error instanceof AwsJsonError && error.code === 'ExpiredIteratorException')) throw error;
      iterator = await freshIterator();
      return kinesis.call<GetRecordsAnswer>('GetRecords', { ShardIterator: iterator, Limit: limit });
    }
  }

  return {
    async read() {
      const answer = await getRecords();
      const records = answer.Records.map((record) => toEventRecord(record, shardId, streamName));
      const last = records.at(-1);
      const more = records.length >= limit;
      if (last !== undefined) {
        position = last.sequenceNumber;
        const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
        limit = Math.max(1, Math.min(mostRecords, Math.floor((readBytes * records.length) / bytes)));
      }
      if (records.length === 0 && (answer.NextShardIterator ?? undefined) === undefined) return { kind: 'ended' };
      iterator = answer.NextShardIterator ?? undefined;
      return { kind: 'records', records, more };
    },
  };
}
