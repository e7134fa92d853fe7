import { isUtf8 } from 'node:buffer';
import { deaggregateSync } from 'aws-kinesis-agg';
import type { KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';
import { rejection } from './core/read-event.ts';
import type { RawEvent, StreamRecord } from './state/shard-aggregator.ts';

/** The first four bytes of a record in the Kinesis Producer Library's aggregation format, and the least length: magic number and MD5. */
const aggregateMagic = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const aggregateBytes = 20;

/** The same four bytes in Base64, as far as they decide its characters: `84mawg` would need five bytes to be whole. */
const aggregatePrefix = aggregateMagic.toString('base64').slice(0, 5);

/** The shard that a batch is of: Lambda writes it before the sequence number, `shardId-000000000000:4959...`. */
export function shardOf(event: KinesisStreamEvent): string | undefined {
  return event.Records[0]?.eventID.split(':')[0];
}

/** The records of a batch with the events in them, de-aggregated where a producer packed many into one. */
export function streamRecords(event: KinesisStreamEvent): readonly StreamRecord[] {
  return event.Records.map((record) => {
    const { sequenceNumber, partitionKey, approximateArrivalTimestamp } = record.kinesis;
    return { sequenceNumber, partitionKey, arrival: Math.round(approximateArrivalTimestamp * 1000), events: eventsOf(record) };
  });
}

function eventsOf(record: KinesisStreamRecord): readonly RawEvent[] {
  const { data } = record.kinesis;
  if (!data.startsWith(aggregatePrefix)) return [plainEvent(data)];
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length < aggregateBytes || bytes.compare(aggregateMagic, 0, 4, 0, 4) !== 0) return [plainEvent(data)];
  const events: RawEvent[] = [];
  let failure: unknown;
  deaggregateSync(record.kinesis, true, (error, userRecords) => {
    failure ??= error;
    for (const { data: packed } of userRecords ?? []) events.push(rawEvent(Buffer.from(packed, 'base64'), events.length));
  });
  if (failure === undefined || failure === null) return events;
  const detail = failure instanceof Error ? failure.message : String(failure);
  return [{ text: rejection('corrupt-aggregate', detail), subRecord: 0, bytes: () => bytes }];
}

function plainEvent(data: string): RawEvent {
  const bytes = Buffer.from(data, 'base64');
  return rawEvent(bytes, 0);
}

/** Bytes that are no UTF-8 decode to replacement characters: only then is it worth looking whether they were there to begin with. */
function rawEvent(bytes: Buffer, subRecord: number): RawEvent {
  const text = bytes.toString('utf8');
  const isText = !text.includes('\uFFFD') || isUtf8(bytes);
  return { text: isText ? text : rejection('encoding', 'not UTF-8'), subRecord, bytes: () => bytes };
}
