import { createHash } from 'node:crypto';
import type { HashRange } from '../core/events/hash-range.ts';
import { wholeRange } from './hash-range.ts';

/**
 * The content of a Kinesis record of the feeder: the lines `first` to `last` of the input `name`, as far as the hash of
 * their partition key is in `range` (the whole range when the records go round the shards). Blank and skipped lines in
 * between do not matter. The record's own partition key holds it as `NAME:FIRST-LAST`, or as `NAME:FIRST-LAST@FROM-TO`
 * with the range in hexadecimal. So a feeder that starts again can read from the stream which lines are there already.
 * (The range is the one that the feeder believed in. The shard that holds the record may be a child that was split off
 * meanwhile.)
 */
export interface RecordName {
  readonly name: string;
  /** Line numbers, 1-based, both inclusive. */
  readonly first: number;
  readonly last: number;
  readonly range: HashRange;
}

/** A partition key has at most 256 characters; the numbers and the range take up to 100. */
const longestName = 150;
const pattern = /^(.*):(\d{1,15})-(\d{1,15})(?:@([0-9a-f]{1,32})-([0-9a-f]{1,32}))?$/s;

/** The name of an input in the stream. A long one keeps its beginning and gets a hash. */
export function shortName(name: string): string {
  if (name.length <= longestName) return name;
  return `${name.slice(0, longestName - 33)}~${createHash('md5').update(name).digest('hex')}`;
}

/** The partition key of a record. `name` is a short one. */
export function formatRecordName({ name, first, last, range }: RecordName): string {
  const lines = `${name}:${first}-${last}`;
  return range === wholeRange ? lines : `${lines}@${range.first.toString(16)}-${range.last.toString(16)}`;
}

/** Reads a partition key; undefined when it is not one of the feeder's. */
export function parseRecordName(partitionKey: string): RecordName | undefined {
  const match = pattern.exec(partitionKey);
  if (match === null) return undefined;
  const [, name = '', first = '', last = '', from, to] = match;
  const range =
    from === undefined || to === undefined ? wholeRange : { first: BigInt(`0x${from}`), last: BigInt(`0x${to}`) };
  return { name, first: Number(first), last: Number(last), range };
}
