import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inputChunks } from '../../cli/input/input-chunks.ts';
import { inputFile, inputFiles } from '../../cli/input/input-file.ts';
import { wholeLines } from '../../cli/put/whole-lines.ts';
import { runStatic } from '../../cli/static/static-engine.ts';
import { bodyEvents } from '../../functions/api/event-body.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { type RawEvent, readRaw } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, sum, tumbling } from '../../functions/core/index.ts';
import { encodeAggregated } from '../../functions/feeder/kpl-record.ts';
import { jsonLines } from '../../functions/formats/json-lines.ts';
import { readLines } from '../../functions/formats/lines.ts';
import { openBatches } from '../../functions/kafka/batches.ts';
import { streamRecords } from '../../functions/kinesis/records.ts';
import { unpackedBytes } from '../../functions/sources/unpacked.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-packings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pipeline = definePipeline({
  name: 'packings',
  event: z.object({ time: z.number().nullable(), k: z.string(), v: z.number() }),
  eventTime: { of: ({ time }) => (time === null ? undefined : time), unit: 'ms' },
  watermark: { delay: 0 },
  queries: { q: { groupBy: { k: ({ k }) => k }, window: tumbling('1 hour'), aggregates: { n: count(), s: sum('v') } } },
});

const arrivalMs = 1_469_600_000_000;
const keys = ['a', 'café', 'a, "b"', 'two\nlines', 'cr\r\nlf', '[x', '{y}', ']', '\\', 'π\u2028'];
/** Some events are rejected: a time or a value is missing. */
const events = Array.from({ length: 60 }, (_, i) => ({
  time: i % 11 === 5 ? null : 1_469_501_107_000 + i * 600_000,
  k: keys[i % keys.length] ?? '',
  v: i % 13 === 7 ? null : i,
}));
const texts = events.map((event) => JSON.stringify(event));
const mark = '\ufeff';

/** All rows have the same line end. Breaks inside quotes belong to the value. */
const csv = (end: string) => {
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const rows = events.map(({ time, k, v }) => `${time ?? ''},${cell(k)},${v ?? ''}`);
  return ['time,k,v', ...rows].map((row) => `${row}${end}`).join('');
};
const mixed = ['\r\n', '\n', '\r'];
const rotated = csv('\u0000')
  .split('\u0000')
  .slice(0, -1)
  .map((row, i) => row + mixed[i % 3])
  .join('');

/** A frame of zstd that holds the bytes unchanged, in blocks that are not compressed. */
function zstd(text: string): Buffer {
  const content = Buffer.from(text);
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  head.writeUInt32LE(content.length, 5);
  const block = Buffer.alloc(3);
  block.writeUIntLE((content.length << 3) | 1, 0, 3);
  return Buffer.concat([head, block, content]);
}

const lines = texts.map((text) => `${text}\n`).join('');

/** Files, named by their peculiarity. */
const fileTable: readonly (readonly [what: string, name: string, content: string | Uint8Array])[] = [
  ['JSON lines', 'lf.json', lines],
  ['JSON lines, CRLF', 'crlf.json', lines.replaceAll('\n', '\r\n')],
  ['JSON lines, no last line end', 'open.json', lines.trimEnd()],
  ['JSON lines, BOM', 'bom.json', mark + lines],
  ['JSON lines, BOM, CRLF', 'bom-crlf.json', mark + lines.replaceAll('\n', '\r\n')],
  ['two files with BOMs behind one another', 'cat.json', `${mark}${texts[0]}\n${mark}${texts.slice(1).join('\n')}\n`],
  ['array on one line', 'array.json', `[${texts.join(',')}]`],
  ['array with BOM', 'bom-array.json', `${mark}[${texts.join(', ')}]\n`],
  ['array, pretty', 'pretty.json', JSON.stringify(events, null, 2)],
  ['array, pretty, CRLF', 'pretty-crlf.json', JSON.stringify(events, null, 2).replaceAll('\n', '\r\n')],
  ['array, an element a line', 'rows.json', `[\n${texts.join(',\n')}\n]\n`],
  ['an array a line', 'arrays.json', `[${texts.slice(0, 9).join()}]\n[${texts.slice(9).join()}]\n`],
  ['gzip', 'packed.json.gz', gzipSync(lines)],
  ['gzip under another name', 'gz-named.json', gzipSync(lines)],
  ['gzip named zstd', 'gz-named.json.zst', gzipSync(lines)],
  ['gzip of an array', 'array.json.gz', gzipSync(JSON.stringify(events, null, 1))],
  ['gzip of lines with BOM', 'bom.json.gz', gzipSync(mark + lines)],
  ['zstd', 'packed.json.zst', zstd(lines)],
  ['zstd under another name', 'zst-named.log', zstd(lines)],
  ['CSV, LF', 'lf.csv', csv('\n')],
  ['CSV, CRLF', 'crlf.csv', csv('\r\n')],
  ['CSV, CR', 'cr.csv', csv('\r')],
  ['CSV, CRLF in the header only', 'crlf-header.csv', csv('\n').replace('v\n', 'v\r\n')],
  ['CSV, LF in the header only', 'lf-header.csv', csv('\r\n').replace('v\r\n', 'v\n')],
  ['CSV, line ends mixed', 'mixed.csv', rotated],
  ['CSV, BOM', 'bom.csv', mark + csv('\n')],
  ['CSV, gzip under another name', 'gz-named.csv', gzipSync(mark + csv('\r\n'))],
];

async function parquet(): Promise<string> {
  const file = path.join(folder, 'rows.parquet');
  const source = path.join(folder, 'source.json');
  writeFileSync(source, lines);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `COPY (SELECT * FROM read_json('${source}', columns = {time: 'BIGINT', k: 'VARCHAR', v: 'BIGINT'})) TO '${file}' (FORMAT parquet)`,
  );
  return file;
}

type Verdict = unknown;

/** The outcome of an event: the value that the schema made of it, or the reason of its rejection. */
const verdict = (raw: RawEvent): Verdict => {
  const read = readRaw(eventReader(pipeline), raw, arrivalMs);
  return read.outcome === 'rejected' ? read.reason : read.valid;
};

const kinesisRecord = (data: Uint8Array, sequenceNumber: number) => ({
  kinesis: {
    data: Buffer.from(data).toString('base64'),
    sequenceNumber: String(sequenceNumber),
    partitionKey: 'p',
    approximateArrivalTimestamp: arrivalMs / 1000,
    kinesisSchemaVersion: '1.0',
  },
});

const fromKinesis = (records: readonly Uint8Array[]): readonly Verdict[] =>
  streamRecords(records.map(kinesisRecord)).flatMap(({ events: found }) => {
    expect(found.map(({ subRecord }) => subRecord)).toEqual(found.map((_, i) => i));
    return found.map(verdict);
  });

async function* pieces(content: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += bytes) yield Buffer.from(content.subarray(at, at + bytes));
}

/** As feeders do: a line becomes a record. */
async function fromLines(chunks: AsyncIterable<Buffer>): Promise<readonly Verdict[]> {
  const records: Uint8Array[] = [];
  for await (const some of readLines(chunks))
    for (const read of some) if ('line' in read) records.push(Buffer.from(read.line));
  return fromKinesis(records);
}

const expected = fromKinesis(texts.map((text) => Buffer.from(text)));
const buffers = texts.map((text) => Buffer.from(text));

function fromKafka(values: readonly string[]): readonly Verdict[] {
  const records = values.map((value, offset) => ({
    topic: 't',
    partition: 0,
    offset,
    timestamp: arrivalMs,
    timestampType: 'CREATE_TIME',
    value: Buffer.from(value).toString('base64'),
    headers: [],
  }));
  const batches = openBatches({ kind: 'kafka', topic: 't', bootstrapServers: ['b:1'], authentication: 'iam' });
  const found = batches.of({ eventSource: 'aws:kafka', records: { 't-0': records } });
  return found.flatMap((batch) => batch.records.flatMap((record) => record.events.map(verdict)));
}

const fromBody = (contentType: string, bytes: string | Uint8Array): readonly Verdict[] =>
  fromKinesis(
    bodyEvents({ contentType, contentEncoding: undefined, bytes: Buffer.from(bytes) }).map((each) =>
      'data' in each ? each.data : Buffer.from('no event'),
    ),
  );

describe('the same events', () => {
  it('hold accepted and rejected ones', () => {
    expect(expected.filter((each) => each === 'schema')).toHaveLength(5);
    expect(expected.filter((each) => each === 'no-event-time')).toHaveLength(5);
    expect(expected).toHaveLength(events.length);
  });

  it.each(fileTable)('are the same rows and rejections in a file of %s', async (_what, name, content) => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    await expectSame(file);
  });

  it('are the same rows and rejections in a file of Parquet', async () => {
    await expectSame(await parquet());
  });

  it.each(fileTable.filter(([, name]) => !name.includes('.csv')))(
    'are the same in an object of S3 or at standard input, however the bytes come: %s',
    async (_what, _name, content) => {
      for (const bytes of [1, 2, 3, 7, 1000, 1e6])
        expect(await fromLines(jsonLines(unpackedBytes(pieces(Buffer.from(content), bytes))))).toEqual(expected);
    },
  );

  it('are the same from a TCP client that sends a byte order mark', async () => {
    const sent = pieces(Buffer.from(mark + lines.replaceAll('\n', '\r\n')), 5);
    expect(await fromLines(wholeLines(sent, () => undefined))).toEqual(expected);
  });

  const several = (end: string) =>
    [0, 20, 40].map((from) =>
      texts
        .slice(from, from + 20)
        .map((text) => text + end)
        .join(''),
    );
  it.each([
    ['a record an event, as a line', () => fromKinesis(texts.map((text) => Buffer.from(`${text}\n`)))],
    ['a record an event, with BOM', () => fromKinesis(texts.map((text) => Buffer.from(mark + text)))],
    ['a record an event, pretty', () => fromKinesis(events.map((one) => Buffer.from(JSON.stringify(one, null, 2))))],
    ['several lines a record', () => fromKinesis(several('\n').map((text) => Buffer.from(text)))],
    ['several lines a record, CRLF, BOM', () => fromKinesis(several('\r\n').map((text) => Buffer.from(mark + text)))],
    ['one long record', () => fromKinesis([Buffer.from(`${lines}${' '.repeat(20_000)}\n`)])],
    ['aggregated records', () => fromKinesis([encodeAggregated(buffers, 'p', '')])],
    [
      'aggregated records of several lines',
      () =>
        fromKinesis([
          encodeAggregated(
            several('\n').map((text) => Buffer.from(text)),
            'p',
            '',
          ),
        ]),
    ],
    ['Kafka values', () => fromKafka(texts)],
    ['Kafka values of several lines', () => fromKafka(several('\n'))],
    ['an HTTP body of NDJSON', () => fromBody('application/x-ndjson', lines)],
    [
      'an HTTP body of NDJSON, BOM, CRLF',
      () => fromBody('application/x-ndjson', mark + lines.replaceAll('\n', '\r\n')),
    ],
    ['an HTTP body that is an array', () => fromBody('application/json', JSON.stringify(events))],
    ['an HTTP body that is a pretty array with BOM', () => fromBody('', mark + JSON.stringify(events, null, 2))],
    ['an HTTP body of gzip', () => fromBody('application/json', gzipSync(mark + JSON.stringify(events)))],
  ])('are the same in %s', (_what, verdicts) => {
    expect(verdicts()).toEqual(expected);
  });
});

async function expectSame(file: string): Promise<void> {
  expect(await fromLines(inputChunks(inputFile(file)))).toEqual(expected);
  const reference = path.join(folder, 'reference.json');
  writeFileSync(reference, lines);
  const answer = async (path: string, mostPieceBytes: number) => {
    const result = await runStatic({
      pipeline,
      bundle: '',
      files: inputFiles([path]),
      arrivalMs,
      workers: 1,
      mostPieceBytes,
    });
    // The place of a line depends on the form of the file. The reason of its rejection does not.
    const reasons = result.reasons.map(({ example: _, ...own }) => own);
    return { ...result, reasons, rejected: result.rejected.map(({ reason }) => reason) };
  };
  const right = await answer(reference, 4_000_000);
  expect(right.counters).toMatchObject({ received: 60, counted: 50, rejected: 10 });
  for (const bytes of [100, 4_000_000]) expect(await answer(file, bytes)).toEqual(right);
}
