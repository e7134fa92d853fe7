import { isUtf8 } from 'node:buffer';
import { deaggregateSync } from 'aws-kinesis-agg';
import type { KinesisStreamRecord } from 'aws-lambda';
import { createJsonShapes } from './core/json-shapes.ts';
import { type Rejection, rejection } from './core/read-event.ts';
import type { RawEvent, StreamRecord } from './state/chunk.ts';

/** The first four bytes of a record in the Kinesis Producer Library's aggregation format, and the least length: magic number and MD5. */
const aggregateMagic = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const aggregateBytes = 20;

/** The same four bytes in Base64, as far as they decide its characters: `84mawg` would need five bytes to be whole. */
const aggregatePrefix = aggregateMagic.toString('base64').slice(0, 5);

const LINE_FEED = 10;

/** Where small events are decoded, one after the other: a buffer for each takes longer than reading what is in it. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/** The shapes of the events so far: most are then read straight from their bytes. What is read does not depend on what is remembered here. */
const shapes = createJsonShapes((_scratch, from, to) => scratch.toString('latin1', from, to));

/** The records of a batch with the events in them, de-aggregated where a producer packed many into one. */
export function streamRecords(records: readonly Pick<KinesisStreamRecord, 'kinesis'>[]): readonly StreamRecord[] {
  return records.map((record) => {
    const { sequenceNumber, partitionKey, approximateArrivalTimestamp } = record.kinesis;
    return { sequenceNumber, partitionKey, arrival: Math.round(approximateArrivalTimestamp * 1000), events: eventsOf(record) };
  });
}

function eventsOf(record: Pick<KinesisStreamRecord, 'kinesis'>): readonly RawEvent[] {
  const { data } = record.kinesis;
  if (!data.startsWith(aggregatePrefix)) return [rawEvent(data, 0)];
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length < aggregateBytes || bytes.compare(aggregateMagic, 0, 4, 0, 4) !== 0) return [rawEvent(data, 0)];
  const events: RawEvent[] = [];
  let failure: unknown;
  deaggregateSync(record.kinesis, true, (error, userRecords) => {
    failure ??= error;
    for (const { data: packed } of userRecords ?? []) events.push(rawEvent(packed, events.length));
  });
  if (failure === undefined || failure === null) return events;
  const detail = failure instanceof Error ? failure.message : String(failure);
  return [{ text: rejection('corrupt-aggregate', detail), subRecord: 0, bytes: () => bytes }];
}

/** @param data the event's bytes in Base64; they are decoded again in the rare case that somebody asks for them */
function rawEvent(data: string, subRecord: number): RawEvent {
  const bytes = () => Buffer.from(data, 'base64');
  if (data.length > scratch.length) return { text: textOf(bytes()), subRecord, bytes };
  const to = scratch.write(data, 'base64');
  const known = shapes.read(scratch, 0, to);
  if (known !== undefined && isEnd(shapes.end(), to)) return { parsed: known, subRecord, bytes };
  const text = textOf(scratch.subarray(0, to));
  if (typeof text !== 'string') return { text, subRecord, bytes };
  try {
    const parsed: unknown = JSON.parse(text);
    shapes.learn(scratch, 0, to);
    return { parsed, subRecord, bytes };
  } catch {
    // Whoever reads the text will find out what is wrong with it.
    return { text, subRecord, bytes };
  }
}

/** Many producers end each event as a line. */
function isEnd(at: number, to: number): boolean {
  return at === to || (at === to - 1 && scratch[at] === LINE_FEED);
}

/** Bytes that are no UTF-8 decode to replacement characters: only then is it worth looking whether they were there to begin with. */
function textOf(bytes: Buffer): string | Rejection {
  const text = bytes.toString('utf8');
  return !text.includes('\uFFFD') || isUtf8(bytes) ? text : rejection('encoding', 'not UTF-8');
}
