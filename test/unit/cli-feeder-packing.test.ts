import { deaggregateSync, type UserRecord } from 'aws-kinesis-agg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCoverage } from '../../functions/feeder/coverage.ts';
import { inRange, partitionKeyHash, wholeRange } from '../../functions/feeder/hash-range.ts';
import { addLine, hasRoom, openPack, type PackedRecord, packBytes, seal } from '../../functions/feeder/pack.ts';
import { formatRecordName, parseRecordName, shortName } from '../../functions/feeder/record-name.ts';
import { readLines } from '../../functions/formats/lines.ts';

const shard = { shardId: 'shardId-000000000000', range: { first: 2n ** 127n, last: wholeRange.last } };

function deaggregate(record: PackedRecord): Buffer[] {
  let events: UserRecord[] = [];
  deaggregateSync(
    { partitionKey: record.partitionKey, sequenceNumber: '1', data: record.data.toString('base64') },
    true,
    (error, records) => {
      if (error) throw error;
      events = records ?? [];
    },
  );
  return events.map(({ data }) => Buffer.from(data, 'base64'));
}

function packAll(lines: readonly Buffer[], name: string): PackedRecord[] {
  const records: PackedRecord[] = [];
  let pack = openPack(shard, name, shard.range);
  lines.forEach((line, index) => {
    if (!hasRoom(pack, line)) {
      records.push(seal(pack, 'aggregate'));
      pack = openPack(shard, name, shard.range);
    }
    addLine(pack, line, index + 1);
  });
  if (pack.lines.length > 0) records.push(seal(pack, 'aggregate'));
  return records;
}

describe('packing', () => {
  it('gives records that aws-kinesis-agg de-aggregates to the same bytes, invalid UTF-8 included', () => {
    const line = fc
      .oneof(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.uint8Array({ minLength: 9000, maxLength: 30_000 }))
      .map(Buffer.from);
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 60 }),
        fc.string({ minLength: 1, maxLength: 150, unit: 'grapheme' }),
        (lines, name) => {
          const records = packAll(lines, shortName(name));
          expect(Buffer.concat(records.flatMap(deaggregate)).equals(Buffer.concat(lines))).toBe(true);
          expect(records.map(({ events }) => events).reduce((a, b) => a + b)).toBe(lines.length);
          for (const record of records) if (record.events > 1) expect(record.bytes).toBeLessThanOrEqual(packBytes);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('fills records nearly to 25 KB', () => {
    const records = packAll(
      Array.from({ length: 5000 }, (_, index) => Buffer.from(`{"time":${1469501107 + index},"action":"Open"}`)),
      'events-00.json',
    );
    for (const { bytes } of records.slice(0, -1)) expect(bytes).toBeGreaterThan(packBytes * 0.99);
  });

  it('keeps a lone line as it is, and wraps one whose bytes would be taken for an aggregate', () => {
    const magic = Buffer.from('f3899ac2616263', 'hex');
    expect(packAll([Buffer.from('{}')], 'a').map(({ data }) => data.toString())).toEqual(['{}']);
    expect(packAll([magic], 'a').flatMap(deaggregate)).toEqual([magic]);
  });
});

describe('the name of a record', () => {
  it('is read back from the partition key, which is at most 256 characters long', () => {
    const hash = fc.bigInt(0n, wholeRange.last);
    fc.assert(
      fc.property(
        fc.string({ maxLength: 400, unit: 'grapheme' }),
        fc.nat(2 ** 31 - 1),
        fc.nat(2 ** 31 - 1),
        fc.option(fc.tuple(hash, hash)),
        (name, first, last, range) => {
          const record = {
            name: shortName(name),
            first,
            last,
            range: range === null ? wholeRange : { first: range[0], last: range[1] },
          };
          expect(parseRecordName(formatRecordName(record))).toEqual(record);
          expect(formatRecordName(record).length).toBeLessThanOrEqual(256);
        },
      ),
    );
  });

  it('tells long names apart', () => {
    expect(shortName(`${'a'.repeat(300)}1`)).not.toBe(shortName(`${'a'.repeat(300)}2`));
  });

  it.each(['', 'device-7', 'a:1', 'a:1-', 'a:x-2', 'a:1-2@zz-1'])('is none for the foreign partition key %j', (key) => {
    expect(parseRecordName(key)).toBeUndefined();
  });
});

describe('the hash of a partition key', () => {
  it('is the MD5 of its UTF-8 bytes as an integer', () => {
    expect(partitionKeyHash('').toString(16)).toBe('d41d8cd98f00b204e9800998ecf8427e');
    expect(inRange(wholeRange, partitionKeyHash('ä'))).toBe(true);
  });
});

describe('reading lines', () => {
  const read = async (chunks: readonly Buffer[], limitBytes?: number) => {
    const given = async function* () {
      yield* chunks;
    };
    const lines = [];
    for await (const block of readLines(given(), limitBytes)) lines.push(...block);
    return lines.map((line) =>
      'kind' in line ? [line.number, line.bytes] : [line.number, line.line.toString('latin1')],
    );
  };

  it('cuts at line feeds with or without carriage return, counts blank lines and takes a last line without an end', async () => {
    expect(await read([Buffer.from('a\r\n\n  \nb\n\r\nc\rd\ne')])).toEqual([
      [1, 'a'],
      [4, 'b'],
      [6, 'c\rd'],
      [7, 'e'],
    ]);
    expect(await read([])).toEqual([]);
    expect(await read([Buffer.from('\n')])).toEqual([]);
  });

  it('gives the same lines for any cutting into chunks', async () => {
    const byte = fc.constantFrom(0x0a, 0x0d, 0x20, 0x61, 0xff, 0x00);
    await fc.assert(
      fc.asyncProperty(
        fc.array(byte, { maxLength: 60 }),
        fc.array(fc.nat(60), { maxLength: 8 }),
        fc.integer({ min: 1, max: 12 }),
        async (bytes, cuts, limit) => {
          const whole = Buffer.from(bytes);
          const edges = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
          const chunks = edges.slice(1).map((edge, index) => whole.subarray(edges[index], edge));
          const numbers = (lines: (string | number)[][]) =>
            lines.map(([number, content]) => (typeof content === 'number' ? [number] : [number, content]));
          expect(numbers(await read(chunks, limit))).toEqual(numbers(await read([whole], limit)));
        },
      ),
    );
  });

  it('reports a line that is too long, and goes on', async () => {
    expect(
      await read([Buffer.from('12345\n123456\r\n1234567\n'), Buffer.from('1234'), Buffer.from('56789\n1\n')], 5),
    ).toEqual([
      [1, '12345'],
      [2, 6],
      [3, 7],
      [4, 9],
      [5, '1'],
    ]);
  });
});

describe('coverage', () => {
  it('finds a line in exactly the spans that were added, whatever their order and overlap', () => {
    const span = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(6));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 12 }), (spans) => {
        const builder = createCoverage();
        for (const [first, length] of spans)
          builder.add({ name: 'a', first, last: first + length, range: wholeRange }, 's', '1');
        const coverage = builder.build();
        for (let line = 0; line < 50; line += 1) {
          expect(coverage.covers('a', line)).toBe(
            spans.some(([first, length]) => first <= line && line <= first + length),
          );
          expect(coverage.covers('b', line)).toBe(false);
        }
      }),
    );
  });

  it('finds a line that was put by key only by the hash of its key', () => {
    const builder = createCoverage();
    builder.add({ name: 'a', first: 1, last: 9, range: { first: 0n, last: 99n } }, 's', '1');
    const coverage = builder.build();
    expect([coverage.covers('a', 5, 99n), coverage.covers('a', 5, 100n), coverage.covers('a', 5)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
