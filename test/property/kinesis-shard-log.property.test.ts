import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { isAfter } from '../../functions/core/events/sequence-number.ts';
import { encodeRecords, type StoredRecord } from '../../infra/local/emulators/kinesis/segment.ts';
import { parseSequenceNumber, type Sequence, sequenceNumber } from '../../infra/local/emulators/kinesis/sequence.ts';
import {
  createShardLog,
  DamagedSegment,
  openShardLog,
  type ShardLog,
  segmentNames,
} from '../../infra/local/emulators/kinesis/shard-log.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-shard-log-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

function newFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}

/** Small, so that a few records fill a segment. */
const segmentBytes = 200;
const shard = 3;
const open = (folder: string, age: 'mayBeTrimmed' | 'isWhole' = 'isWhole'): ShardLog =>
  openShardLog({ folder, shard }, segmentNames(folder).get(shard) ?? [], age, segmentBytes);

const contents = fc.record({ partitionKey: fc.string({ unit: 'grapheme' }), data: fc.uint8Array({ maxLength: 120 }) });
const batch = fc.array(contents, { minLength: 1, maxLength: 5 });

function recordsOf(batches: readonly (readonly { partitionKey: string; data: Uint8Array }[])[]): StoredRecord[][] {
  return batches.map((each, i) =>
    each.map(({ partitionKey, data }) => ({ arrivalMs: 1000 + i, partitionKey, data: Buffer.from(data) })),
  );
}

function readAll(log: ShardLog, mostRecords = 1000, mostBytes = 1e6): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let position = 0; ; ) {
    const read = log.read(position, mostRecords, mostBytes);
    if (read.records.length === 0) return records;
    expect(read.records.length).toBeLessThanOrEqual(mostRecords);
    records.push(...read.records);
    position = read.first + read.records.length;
  }
}

/**
 * Leaves the first bytes of a record at the end of a file, as a killed write does.
 * @param whole the end of the last whole record, when the write before was killed too: this one cut off what that left
 * @returns the end of the last whole record
 */
function cutShort(path: string, bytes: number, whole: number | undefined): number {
  if (whole !== undefined) truncateSync(path, whole);
  const length = readFileSync(path).length;
  const record = encodeRecords([{ arrivalMs: 9, partitionKey: 'k', data: Buffer.alloc(60) }]).bytes;
  appendFileSync(path, record.subarray(0, bytes));
  return length;
}

describe('the log of a shard', () => {
  it('gives back what was put, in pages of any size, after any restarts and writes that a kill cut short', () => {
    const steps = fc.array(fc.oneof(batch, fc.constant('restart' as const), fc.nat({ max: 60 })), { maxLength: 20 });
    const pages = fc.record({ records: fc.integer({ min: 1, max: 7 }), bytes: fc.integer({ min: 1, max: 500 }) });
    fc.assert(
      fc.property(steps, pages, fc.constantFrom('disk', 'memory'), (all, page, where) => {
        const folder = where === 'disk' ? newFolder() : undefined;
        let log = createShardLog(folder === undefined ? undefined : { folder, shard }, segmentBytes);
        const put: StoredRecord[] = [];
        let whole: number | undefined;
        all.forEach((step, i) => {
          if (Array.isArray(step)) {
            const records = recordsOf([step])[0] ?? [];
            log.append(records.map((record) => ({ ...record, arrivalMs: i })));
            put.push(...records.map((record) => ({ ...record, arrivalMs: i })));
            whole = undefined;
          } else if (folder !== undefined) {
            const last = readdirSync(folder).sort().at(-1);
            if (typeof step === 'number' && last !== undefined) whole = cutShort(join(folder, last), step, whole);
            log = open(folder);
          }
        });
        expect(log.next()).toBe(put.length);
        expect(readAll(log, page.records, page.bytes)).toEqual(put);
        for (const time of [0, 3, 7, 100])
          expect(log.positionAt(time)).toBe(put.filter(({ arrivalMs }) => arrivalMs < time).length);
      }),
    );
  });

  it('is refused when a byte of any record has changed, or a segment that is not the last is cut or gone', () => {
    fc.assert(
      fc.property(
        fc.array(batch, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.nat({ max: 254 }),
        (batches, at, by) => {
          const folder = newFolder();
          const log = createShardLog({ folder, shard }, segmentBytes);
          for (const records of recordsOf(batches)) log.append(records);
          const names = readdirSync(folder).sort();
          const path = join(folder, names[at % names.length] ?? '');
          const bytes = readFileSync(path);
          const changed = Buffer.from(bytes);
          changed[at % bytes.length] = ((bytes[at % bytes.length] ?? 0) + 1 + by) % 256;
          writeFileSync(path, changed);
          expect(() => open(folder)).toThrow(DamagedSegment);
          if (at % names.length === names.length - 1) return;
          writeFileSync(path, bytes.subarray(0, at % bytes.length));
          expect(() => open(folder)).toThrow(DamagedSegment);
          rmSync(path);
          expect(() => open(folder)).toThrow(DamagedSegment);
        },
      ),
    );
  });

  it('forgets records by their arrival, with the segments that hold no others, and keeps all positions', () => {
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 12 }), fc.nat({ max: 15 }), (batches, trimmed) => {
        const folder = newFolder();
        const log = createShardLog({ folder, shard }, segmentBytes);
        const put = recordsOf(batches);
        for (const records of put) log.append(records);
        const before = 1000 + trimmed;
        log.trim(before);
        const left = put.flat().filter(({ arrivalMs }) => arrivalMs >= before);
        expect(readAll(log)).toEqual(left);
        expect(log.read(0, 1, 1).first).toBe(put.flat().length - left.length);
        const again = open(folder, 'mayBeTrimmed');
        again.trim(before);
        expect(again.next()).toBe(put.flat().length);
        expect(readAll(again)).toEqual(left);
        const bytes = readdirSync(folder).reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0);
        expect(bytes).toBeLessThanOrEqual(encodeRecords(left).bytes.length + segmentBytes + 5 * 400);
      }),
    );
  });
});

describe('sequence numbers', () => {
  const seconds = fc.integer({ min: 1, max: 4_000_000_000 });
  const sequences = fc.record({
    createdSeconds: seconds,
    shard: fc.nat({ max: 100_000 }),
    index: fc.oneof(fc.nat({ max: 2 ** 40 }), fc.constant('end' as const)),
    seconds,
  });

  it('have 56 digits, as those of AWS have, and say what they were made of', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const text = sequenceNumber(sequence);
        expect(text).toMatch(/^[1-9]\d{55}$/);
        expect(parseSequenceNumber(text)).toEqual(sequence);
      }),
    );
  });

  it('are in the form of a number that AWS gave', () => {
    const given = '49590338271490256608559692538361571095921575989136588898';
    expect(sequenceNumber(parseSequenceNumber(given) as Sequence)).toBe(given);
  });

  it('grow with the record, and from a shard to one that was made later', () => {
    const order = ({ createdSeconds, index }: Sequence) =>
      [createdSeconds, index === 'end' ? Infinity : index] as const;
    fc.assert(
      fc.property(sequences, sequences, (one, other) => {
        const [a, b] = [order(one), order({ ...other, shard: one.shard })];
        fc.pre(a[0] !== b[0] || a[1] !== b[1]);
        const isLater = a[0] === b[0] ? a[1] > b[1] : a[0] > b[0];
        expect(isAfter(sequenceNumber(one), sequenceNumber({ ...other, shard: one.shard }))).toBe(isLater);
      }),
    );
  });

  it('are refused when they are not of this form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 187n }).map(String), fc.string()), (text) => {
        const sequence = parseSequenceNumber(text);
        if (sequence !== undefined) expect(sequenceNumber(sequence)).toBe(text);
      }),
    );
  });
});
