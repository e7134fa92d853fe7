import { createHash } from 'node:crypto';

/**
 * The aggregated record format of the Kinesis Producer Library: magic bytes, a protobuf `AggregatedRecord`, its MD5
 * (https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md). Written by hand because the
 * aggregator of `aws-kinesis-agg` only knows records of up to 1 MiB and builds a tree of objects for each. A test holds
 * it together with that package's de-aggregator; the functions read with `functions/kinesis/aggregated-record.ts`.
 *
 * All events of a record share its partition key and explicit hash key, so each costs its bytes and at most 12 more.
 */
const magic = Buffer.from('f3899ac2', 'hex');
const digestBytes = 16;
const partitionKeyTableTag = 0x0a;
const explicitHashKeyTableTag = 0x12;
const recordsTag = 0x1a;
/** `partition_key_index: 0`, `explicit_hash_key_index: 0`, then the tag of `data`. */
const recordHead = Buffer.from([0x08, 0x00, 0x10, 0x00, 0x1a]);

/** Whether a de-aggregator would take these bytes for an aggregated record, whatever they are meant to be. */
export function looksAggregated(data: Buffer): boolean {
  return data.length >= magic.length && data.subarray(0, magic.length).equals(magic);
}

/** The length that an event adds to an aggregated record, in bytes. */
export function aggregatedBytes(eventBytes: number): number {
  const inner = recordHead.length + varintBytes(eventBytes) + eventBytes;
  return 1 + varintBytes(inner) + inner;
}

/** The length of an aggregated record without its events, in bytes. */
export function envelopeBytes(partitionKeyBytes: number, explicitHashKeyBytes: number): number {
  const table = (bytes: number) => 1 + varintBytes(bytes) + bytes;
  return magic.length + table(partitionKeyBytes) + table(explicitHashKeyBytes) + digestBytes;
}

/** Encodes the events, in order, as one aggregated record. */
export function encodeAggregated(events: readonly Buffer[], partitionKey: string, explicitHashKey: string): Buffer {
  const [key, hash] = [Buffer.from(partitionKey), Buffer.from(explicitHashKey)];
  const bytes = events.reduce(
    (sum, event) => sum + aggregatedBytes(event.length),
    envelopeBytes(key.length, hash.length),
  );
  const record = Buffer.allocUnsafe(bytes);
  let at = magic.copy(record, 0);
  const field = (tag: number, content: Buffer): void => {
    record[at] = tag;
    at = writeVarint(record, at + 1, content.length);
    at += content.copy(record, at);
  };
  field(partitionKeyTableTag, key);
  field(explicitHashKeyTableTag, hash);
  for (const event of events) {
    record[at] = recordsTag;
    at = writeVarint(record, at + 1, recordHead.length + varintBytes(event.length) + event.length);
    at += recordHead.copy(record, at);
    at = writeVarint(record, at, event.length);
    at += event.copy(record, at);
  }
  createHash('md5').update(record.subarray(magic.length, at)).digest().copy(record, at);
  return record;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes += 1;
  return bytes;
}

function writeVarint(into: Buffer, from: number, value: number): number {
  let at = from;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) {
    into[at] = (rest & 0x7f) | 0x80;
    at += 1;
  }
  into[at] = rest;
  return at + 1;
}
