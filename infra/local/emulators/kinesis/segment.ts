import { closeSync, ftruncateSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** A record as a shard keeps it. */
export interface StoredRecord {
  /** Epoch ms. */
  readonly arrivalMs: number;
  readonly partitionKey: string;
  readonly data: Buffer;
}

/** The bytes of a segment: a file, or memory. They grow at their end only. */
export interface SegmentBytes {
  /** Writes at `at`, which is the end. What an interrupted write left there is cut off first. */
  append(bytes: Buffer, at: number): void;
  read(from: number, to: number): Buffer;
  remove(): void;
}

/**
 * A segment in a file. A write is with the operating system when the call returns, so it outlives a `kill -9` of the
 * process. The file is open during a call only, so that no number of shards runs out of file descriptors.
 * @param torn whether the file holds bytes behind its last whole record
 */
export function fileBytes(path: string, torn: 'torn' | 'whole'): SegmentBytes {
  let hasRest = torn === 'torn';

  function opened<Result>(flags: 'r' | 'a', use: (file: number) => Result): Result {
    const file = openSync(path, flags);
    try {
      return use(file);
    } finally {
      closeSync(file);
    }
  }

  return {
    append: (bytes, at) =>
      opened('a', (file) => {
        if (hasRest) ftruncateSync(file, at);
        hasRest = true;
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
        hasRest = false;
      }),
    read: (from, to) =>
      opened('r', (file) => {
        const bytes = Buffer.allocUnsafe(to - from);
        for (let got = 0; got < bytes.length; ) {
          const more = readSync(file, bytes, got, bytes.length - got, from + got);
          if (more === 0) throw new Error(`${path} ends at byte ${from + got}, and not at ${to} as it did`);
          got += more;
        }
        return bytes;
      }),
    remove: () => rmSync(path, { force: true }),
  };
}

/** A segment in memory. */
export function memoryBytes(): SegmentBytes {
  let kept = Buffer.alloc(0);
  return {
    append(bytes, at) {
      if (at + bytes.length > kept.length) {
        const larger = Buffer.allocUnsafe(2 * (at + bytes.length));
        kept.copy(larger, 0, 0, at);
        kept = larger;
      }
      bytes.copy(kept, at);
    },
    read: (from, to) => kept.subarray(from, to),
    remove() {
      kept = Buffer.alloc(0);
    },
  };
}

/**
 * A record in a segment: the length of what follows the head (4 bytes), the CRC-32 of the length and that of what
 * follows (4 bytes each), the arrival (8 bytes, a double), the length of the partition key (2 bytes), the partition key
 * and the data. Numbers are big-endian. The length has a checksum of its own, so that a damaged one is not taken for a
 * record that a `kill -9` cut short.
 */
const lengthCrcAt = 4;
const crcAt = 8;
const arrivalAt = 12;
const keyLengthAt = 20;
const keyAt = 22;

/** The bytes of records, and the offset of each in them. */
export function encodeRecords(records: readonly StoredRecord[]): {
  readonly bytes: Buffer;
  readonly offsets: readonly number[];
} {
  const offsets: number[] = [];
  let length = 0;
  for (const { partitionKey, data } of records) {
    offsets.push(length);
    length += keyAt + Buffer.byteLength(partitionKey) + data.length;
  }
  const bytes = Buffer.allocUnsafe(length);
  records.forEach(({ arrivalMs, partitionKey, data }, i) => {
    const at = offsets[i] ?? 0;
    const end = offsets[i + 1] ?? length;
    bytes.writeUInt32BE(end - at - arrivalAt, at);
    bytes.writeUInt32BE(crc32(bytes.subarray(at, at + lengthCrcAt)), at + lengthCrcAt);
    bytes.writeDoubleBE(arrivalMs, at + arrivalAt);
    bytes.writeUInt16BE(bytes.write(partitionKey, at + keyAt), at + keyLengthAt);
    data.copy(bytes, end - data.length);
    bytes.writeUInt32BE(crc32(bytes.subarray(at + arrivalAt, end)), at + crcAt);
  });
  return { bytes, offsets };
}

/** The records of bytes that begin and end with whole ones. */
export function decodeRecords(bytes: Buffer): readonly StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + arrivalAt + bytes.readUInt32BE(at);
    const dataAt = at + keyAt + bytes.readUInt16BE(at + keyLengthAt);
    records.push({
      arrivalMs: bytes.readDoubleBE(at + arrivalAt),
      partitionKey: bytes.toString('utf8', at + keyAt, dataAt),
      data: bytes.subarray(dataAt, end),
    });
    at = end;
  }
  return records;
}

/** The whole records of a segment's file. */
export interface ScannedSegment {
  readonly offsets: number[];
  readonly arrivals: number[];
  /** The end of the last whole record. */
  readonly length: number;
  /** Whether the file holds more: a record that a `kill -9` cut short. */
  readonly torn: 'torn' | 'whole';
}

/**
 * Reads a segment's file and checks it.
 * @returns the offset of the first record that fails its checksum, when there is one
 */
export function scanSegment(path: string): ScannedSegment | { readonly damagedAt: number } {
  const bytes = readFileSync(path);
  const offsets: number[] = [];
  const arrivals: number[] = [];
  let at = 0;
  while (at + arrivalAt <= bytes.length) {
    const length = bytes.subarray(at, at + lengthCrcAt);
    if (crc32(length) !== bytes.readUInt32BE(at + lengthCrcAt)) return { damagedAt: at };
    const end = at + arrivalAt + length.readUInt32BE();
    if (end > bytes.length) break;
    if (crc32(bytes.subarray(at + arrivalAt, end)) !== bytes.readUInt32BE(at + crcAt)) return { damagedAt: at };
    offsets.push(at);
    arrivals.push(bytes.readDoubleBE(at + arrivalAt));
    at = end;
  }
  return { offsets, arrivals, length: at, torn: at < bytes.length ? 'torn' : 'whole' };
}
