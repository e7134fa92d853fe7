import type { HashRange } from '../core/events/hash-range.ts';
import { wholeRange } from './hash-range.ts';
import { aggregatedBytes, encodeAggregated, envelopeBytes, looksAggregated } from './kpl-record.ts';
import { formatRecordName } from './record-name.ts';
import type { OpenShard } from './shards.ts';

/** A record to put, and the shard that it is for. */
export interface PackedRecord {
  readonly data: Buffer;
  readonly partitionKey: string;
  readonly explicitHashKey: string;
  readonly shardId: string;
  readonly events: number;
  /** The length of data and partition key, which is what Kinesis counts, in bytes. */
  readonly bytes: number;
}

/** Events on their way into one record. */
export interface Pack {
  readonly shard: OpenShard;
  readonly name: string;
  readonly range: HashRange;
  readonly lines: Buffer[];
  first: number;
  last: number;
  bytes: number;
}

/**
 * A packed record is at most 25 KB long, its key included. A provisioned stream is billed in PUT payload units: one for
 * each 25 KB that a record begins. So a longer record saves nothing, and a shorter one pays for room that it does not
 * use. (A single longer event is a record of its own.)
 */
export const packBytes = 25_000;

/**
 * The longest `:FIRST-LAST@FROM-TO` behind the name, twice, as the key is in the record and beside it, and the 39
 * digits of the hash key.
 */
const keyBytes = (name: string, range: HashRange) => Buffer.byteLength(name) + 24 + (range === wholeRange ? 0 : 66);

/** An empty pack. `range` is the range that the record will claim to cover (see `RecordName`). */
export function openPack(shard: OpenShard, name: string, range: HashRange): Pack {
  const key = keyBytes(name, range);
  return { shard, name, range, lines: [], first: 0, last: 0, bytes: key + envelopeBytes(key, 39) };
}

/** Whether a line can join without making the record longer than 25 KB; an empty pack takes any line. */
export function hasRoom(pack: Pack, line: Buffer): boolean {
  return pack.lines.length === 0 || pack.bytes + aggregatedBytes(line.length) <= packBytes;
}

/** Adds a line; numbers only grow. */
export function addLine(pack: Pack, line: Buffer, number: number): void {
  if (pack.lines.length === 0) pack.first = number;
  pack.last = number;
  pack.lines.push(line);
  pack.bytes += aggregatedBytes(line.length);
}

/**
 * The record of a pack that holds at least one line. A lone event is put as it is, unless its bytes would be taken for
 * an aggregate.
 */
export function seal({ shard, name, range, lines, first, last }: Pack, packing: 'aggregate' | 'single'): PackedRecord {
  const partitionKey = formatRecordName({ name, first, last, range });
  const explicitHashKey = shard.range.first.toString();
  const [only] = lines;
  const plain = lines.length === 1 && only !== undefined && (packing === 'single' || !looksAggregated(only));
  const data = plain ? only : encodeAggregated(lines, partitionKey, explicitHashKey);
  return {
    data,
    partitionKey,
    explicitHashKey,
    shardId: shard.shardId,
    events: lines.length,
    bytes: data.length + Buffer.byteLength(partitionKey),
  };
}
