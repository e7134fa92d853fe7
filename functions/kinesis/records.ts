import type { KinesisStreamRecord } from 'aws-lambda';
import { rejection } from '../core/fold/read-event.ts';
import type { RawEvent, StreamRecord } from '../core/fold/stream-record.ts';
import { rawEvents } from '../edge/raw-event.ts';
import { aggregatedEvents } from './aggregated-record.ts';

/**
 * The first four bytes of a record in the Kinesis Producer Library's aggregation format, and the least length: magic
 * number and MD5.
 */
const aggregateMagic = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const aggregateBytes = 20;

/**
 * The same four bytes in Base64, up to the last character that they decide alone: `84mawg` would need five bytes to be
 * whole.
 */
const aggregatePrefix = aggregateMagic.toString('base64').slice(0, 5);

/**
 * The records of a batch with the events in them. Where a producer packed many events into one record, they are
 * de-aggregated, or read line by line.
 */
export function streamRecords(records: readonly Pick<KinesisStreamRecord, 'kinesis'>[]): readonly StreamRecord[] {
  return records.map((record) => {
    const { sequenceNumber, partitionKey, approximateArrivalTimestamp } = record.kinesis;
    return {
      sequenceNumber,
      partitionKey,
      arrival: Math.round(approximateArrivalTimestamp * 1000),
      events: eventsOf(record),
    };
  });
}

function eventsOf(record: Pick<KinesisStreamRecord, 'kinesis'>): readonly RawEvent[] {
  const { data } = record.kinesis;
  if (!data.startsWith(aggregatePrefix)) return rawEvents(data, 0);
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length < aggregateBytes || bytes.compare(aggregateMagic, 0, 4, 0, 4) !== 0) return rawEvents(data, 0);
  try {
    const events: RawEvent[] = [];
    for (const packed of aggregatedEvents(bytes))
      for (const event of rawEvents(packed.toString('base64'), events.length)) events.push(event);
    return events;
  } catch (failure) {
    const detail = failure instanceof Error ? failure.message : String(failure);
    return [{ text: rejection('corrupt-aggregate', detail), subRecord: 0, bytes: () => bytes }];
  }
}
