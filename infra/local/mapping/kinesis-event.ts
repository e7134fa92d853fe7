import { accountId, arnOf, region } from '../account/account.ts';

/** A record of Kinesis's JSON protocol; `Data` is base64. */
export interface KinesisRecord {
  readonly SequenceNumber: string;
  readonly PartitionKey: string;
  readonly Data: string;
  readonly ApproximateArrivalTimestamp: number;
}

/** A record, as JSON text in the form that it has in the function's event. */
export interface EventRecord {
  readonly sequenceNumber: string;
  readonly json: string;
  /** The length of `json` in UTF-8, by which Lambda measures an event. */
  readonly bytes: number;
}

/** The rest of an event: the envelope around the records, and one comma for each. */
const head = '{"Records":[';
const tail = ']}';

/** Turns a record of a shard into an element of `KinesisStreamEvent.Records`, field for field as Lambda does. */
export function toEventRecord(record: KinesisRecord, shardId: string, streamName: string): EventRecord {
  const json = JSON.stringify({
    kinesis: {
      kinesisSchemaVersion: '1.0',
      partitionKey: record.PartitionKey,
      sequenceNumber: record.SequenceNumber,
      data: record.Data,
      approximateArrivalTimestamp: record.ApproximateArrivalTimestamp,
    },
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: `${shardId}:${record.SequenceNumber}`,
    eventName: 'aws:kinesis:record',
    invokeIdentityArn: `arn:aws:iam::${accountId}:role/tidemark-aggregate`,
    awsRegion: region,
    eventSourceARN: arnOf('kinesis', `stream/${streamName}`),
  });
  return { sequenceNumber: record.SequenceNumber, json, bytes: Buffer.byteLength(json) };
}

/**
 * The number of leading records that make one batch: at most `mostRecords` and `mostBytes` of event, but at least one.
 */
export function batchLength(
  records: readonly Pick<EventRecord, 'bytes'>[],
  mostRecords: number,
  mostBytes: number,
): number {
  let bytes = head.length + tail.length - 1;
  let count = 0;
  for (const record of records) {
    bytes += record.bytes + 1;
    if (count === mostRecords || (count > 0 && bytes > mostBytes)) break;
    count++;
  }
  return count;
}

/** The function's event, as JSON text. */
export function eventJson(records: readonly EventRecord[]): string {
  return `${head}${records.map((record) => record.json).join(',')}${tail}`;
}
