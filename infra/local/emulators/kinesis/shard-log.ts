import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  decodeRecords,
  encodeRecords,
  fileBytes,
  memoryBytes,
  type SegmentBytes,
  type StoredRecord,
  scanSegment,
} from './segment.ts';

/** The records of one shard, by position: 0 is the first record that it ever took. */
export interface ShardLog {
  /** The position that the next record will have. */
  next(): number;
  /** @throws the file system's error; the records are not stored then */
  append(records: readonly StoredRecord[]): void;
  /**
   * The records from a position on: as many as there are within the bounds, but at least one. Positions that are no
   * longer kept are passed over.
   */
  read(from: number, mostRecords: number, mostBytes: number): PositionedRecords;
  /** The arrival of a record (epoch ms); undefined: it is not there. */
  arrivalMs(position: number): number | undefined;
  /** The first position whose record arrived at this time (epoch ms) or later. */
  positionAt(timeMs: number): number;
  /** Forgets records that arrived before this time (epoch ms). Whole segments of them are removed. */
  trim(beforeMs: number): void;
}

/** Records that follow one another. */
export interface PositionedRecords {
  /** The position of the first of them. */
  readonly first: number;
  readonly records: readonly StoredRecord[];
}

/** A segment is full, and the next one begins, when it has this size (bytes). */
const defaultSegmentBytes = 16 * 1024 * 1024;

interface Segment {
  /** The position of its first record. */
  readonly first: number;
  /** The offset and the arrival of each of its records. */
  readonly offsets: number[];
  readonly arrivals: number[];
  length: number;
  readonly bytes: SegmentBytes;
}

/** The place of a shard's segments. */
export interface ShardFiles {
  readonly folder: string;
  /** The shard's index in its stream. */
  readonly shard: number;
}

/** Damage of a shard's files: the file, and what is wrong with it. */
export class DamagedSegment extends Error {
  override readonly name = 'DamagedSegment';
}

/**
 * The log of a new shard.
 * @param files undefined: in memory
 */
export function createShardLog(files: ShardFiles | undefined, segmentBytes = defaultSegmentBytes): ShardLog {
  return shardLog(files, [], segmentBytes);
}

function shardLog(files: ShardFiles | undefined, segments: Segment[], segmentBytes: number): ShardLog {
  let horizon = segments[0]?.first ?? 0;

  const next = (): number => {
    const last = segments.at(-1);
    return last === undefined ? horizon : last.first + last.offsets.length;
  };

  function segmentFor(bytes: number): Segment {
    const last = segments.at(-1);
    if (last !== undefined && (last.length === 0 || last.length + bytes <= segmentBytes)) return last;
    const first = next();
    const place = files === undefined ? memoryBytes() : fileBytes(segmentPath(files, first), 'whole');
    const fresh: Segment = { first, offsets: [], arrivals: [], length: 0, bytes: place };
    segments.push(fresh);
    return fresh;
  }

  const segmentOf = (position: number): Segment | undefined => segments.findLast(({ first }) => first <= position);

  const arrivalMs = (position: number): number | undefined => {
    const segment = position < horizon ? undefined : segmentOf(position);
    return segment?.arrivals[position - segment.first];
  };

  function positionAt(timeMs: number): number {
    let low = horizon;
    let high = next();
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((arrivalMs(middle) ?? 0) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    next,
    append(records) {
      const { bytes, offsets } = encodeRecords(records);
      const segment = segmentFor(bytes.length);
      segment.bytes.append(bytes, segment.length);
      for (const offset of offsets) segment.offsets.push(segment.length + offset);
      for (const record of records) segment.arrivals.push(record.arrivalMs);
      segment.length += bytes.length;
    },
    read(from, mostRecords, mostBytes) {
      const first = Math.max(from, horizon);
      const records: StoredRecord[] = [];
      let bytes = 0;
      while (records.length < mostRecords && first + records.length < next()) {
        const position = first + records.length;
        const segment = segmentOf(position);
        if (segment === undefined) break;
        const at = position - segment.first;
        const start = segment.offsets[at] ?? segment.length;
        let end = Math.min(segment.offsets.length, at + mostRecords - records.length);
        const endOffset = (): number => segment.offsets[end] ?? segment.length;
        while (end > at && bytes + endOffset() - start > mostBytes) end--;
        if (end === at && records.length > 0) break;
        if (end === at) end++;
        records.push(...decodeRecords(segment.bytes.read(start, endOffset())));
        bytes += endOffset() - start;
      }
      return { first, records };
    },
    arrivalMs,
    positionAt,
    trim(beforeMs) {
      if ((arrivalMs(horizon) ?? beforeMs) >= beforeMs) return;
      horizon = positionAt(beforeMs);
      // The last segment stays: its name is what a restart knows of the positions before it.
      while (segments.length > 1 && (segments[1]?.first ?? 0) <= horizon) segments.shift()?.bytes.remove();
    },
  };
}

/**
 * The log of a shard whose segments are in files. Nothing is changed: what an interrupted write left is cut off by the
 * next write.
 * @param age whether the stream is old enough for its first segments to be gone
 * @throws DamagedSegment
 */
export function openShardLog(
  files: ShardFiles,
  names: readonly string[],
  age: 'mayBeTrimmed' | 'isWhole',
  segmentBytes = defaultSegmentBytes,
): ShardLog {
  const segments: Segment[] = [];
  let next = 0;
  for (const name of [...names].sort()) {
    const first = Number(name.slice(name.indexOf('-') + 1, -segmentSuffix.length));
    const isFirst = segments.length === 0;
    if (first !== next && !(isFirst && age === 'mayBeTrimmed'))
      throw new DamagedSegment(`the file before ${name} is missing, or has lost its end`);
    const path = join(files.folder, name);
    const scanned = scanSegment(path);
    if ('damagedAt' in scanned) throw new DamagedSegment(`the file ${name} is damaged at byte ${scanned.damagedAt}`);
    const { offsets, arrivals, length, torn } = scanned;
    segments.push({ first, offsets, arrivals, length, bytes: fileBytes(path, torn) });
    next = first + offsets.length;
  }
  return shardLog(files, segments, segmentBytes);
}

const segmentSuffix = '.records';

function segmentPath({ folder, shard }: ShardFiles, first: number): string {
  return join(folder, `${String(shard).padStart(12, '0')}-${String(first).padStart(16, '0')}${segmentSuffix}`);
}

/**
 * The names of the segments' files in a stream's folder, by the index of the shard.
 * @throws DamagedSegment when there is no such folder
 */
export function segmentNames(folder: string): ReadonlyMap<number, readonly string[]> {
  const names = new Map<number, string[]>();
  if (!existsSync(folder)) throw new DamagedSegment(`the folder ${basename(folder)} is missing`);
  for (const name of readdirSync(folder)) {
    if (!/^\d{12}-\d{16}\.records$/.test(name)) continue;
    const shard = Number.parseInt(name, 10);
    const known = names.get(shard);
    if (known === undefined) names.set(shard, [name]);
    else known.push(name);
  }
  return names;
}
