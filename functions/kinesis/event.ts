import type { KinesisStreamRecord } from 'aws-lambda';
import { argumentError } from '../core/arguments/error.ts';
import { inSequence } from '../core/events/sequence-number.ts';

/** One batch of one shard. */
export interface KinesisBatch {
  readonly shardId: string;
  /** Ascending by sequence number, each number once. Never empty. */
  readonly records: readonly KinesisStreamRecord[];
}

/** Longest sequence number of Kinesis, in digits. */
const sequenceNumberPattern = /^\d{1,129}$/;

/** Lambda writes the shard before the sequence number, `shardId-000000000000:4959...`. */
const eventIdPattern = /^([A-Za-z0-9_.-]{1,128}):\d+$/;

/** Latest arrival that is believed, in seconds: the year 5138. ISO 8601 has to hold it. */
const latestArrival = 1e11;

/**
 * Checks the event that the function was invoked with. The sequence numbers decide what is counted once, so a batch of
 * another stream, or of two shards, or a hand-made event must not get as far as the tables. The content of the records
 * is not checked here.
 * @param stream the name of the stream that the function belongs to
 * @returns undefined for a batch without records
 * @throws TidemarkError that names the field; Lambda then delivers the same event again, or tells whoever made it
 */
export function kinesisBatch(event: unknown, stream: string): KinesisBatch | undefined {
  const given: unknown = isObject(event) ? event.Records : undefined;
  if (!Array.isArray(given))
    throw argumentError(
      'Records',
      given,
      'is not a list: invoke this function by its event source mapping from Kinesis only',
    );
  const records: KinesisStreamRecord[] = [];
  let shardId: string | undefined;
  for (const [i, each] of given.entries()) {
    const field = `Records[${i}]`;
    const record = kinesisRecord(field, each);
    const shard = shardOf(field, record, stream);
    if (shardId !== undefined && shard !== shardId)
      throw argumentError(
        `${field}.eventID`,
        record.eventID,
        `is not of shard ${shardId} as the records before it: deliver each shard in batches of its own`,
      );
    shardId = shard;
    records.push(record);
  }
  return shardId === undefined
    ? undefined
    : { shardId, records: inSequence(records, ({ kinesis }) => kinesis.sequenceNumber) };
}

function kinesisRecord(field: string, record: unknown): KinesisStreamRecord {
  if (!isObject(record))
    throw argumentError(field, record, 'is not a record: give the event of a Kinesis event source mapping');
  const { kinesis, eventSource } = record;
  if (eventSource !== 'aws:kinesis')
    throw argumentError(
      `${field}.eventSource`,
      eventSource,
      'is not aws:kinesis: remove the trigger, this function reads a Kinesis stream only',
    );
  if (!isObject(kinesis))
    throw argumentError(
      `${field}.kinesis`,
      kinesis,
      'is not a Kinesis record: give the event of a Kinesis event source mapping',
    );
  const { sequenceNumber, partitionKey, data, approximateArrivalTimestamp: arrival } = kinesis;
  if (typeof sequenceNumber !== 'string' || !sequenceNumberPattern.test(sequenceNumber))
    throw argumentError(
      `${field}.kinesis.sequenceNumber`,
      sequenceNumber,
      'is not a sequence number: give 1 to 129 decimal digits as text',
    );
  if (typeof data !== 'string')
    throw argumentError(`${field}.kinesis.data`, data, 'is not text: give the bytes of the record in Base64');
  if (typeof partitionKey !== 'string')
    throw argumentError(`${field}.kinesis.partitionKey`, partitionKey, "is not text: give the record's partition key");
  if (typeof arrival !== 'number' || !(arrival >= 0 && arrival <= latestArrival))
    throw argumentError(
      `${field}.kinesis.approximateArrivalTimestamp`,
      arrival,
      'is not a time: give the seconds since 1970 as a number',
    );
  // All fields that are read were checked, here and in shardOf.
  return record as unknown as KinesisStreamRecord;
}

function shardOf(field: string, { eventID, eventSourceARN }: KinesisStreamRecord, stream: string): string {
  const source = typeof eventSourceARN === 'string' ? /:stream\/([^/]+)/.exec(eventSourceARN)?.[1] : undefined;
  if (source !== stream)
    throw argumentError(
      `${field}.eventSourceARN`,
      eventSourceARN,
      `is not stream ${stream}: give each stream a pipeline of its own, their shards have the same names`,
    );
  const shard = typeof eventID === 'string' ? eventIdPattern.exec(eventID)?.[1] : undefined;
  if (shard === undefined)
    throw argumentError(`${field}.eventID`, eventID, "is not SHARD:SEQUENCE_NUMBER: give Lambda's own event");
  return shard;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
