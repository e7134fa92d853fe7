import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { inputChunks } from '../../cli/input/input-chunks.ts';
import { inputFile } from '../../cli/input/input-file.ts';
import { readRowsFile } from '../../cli/lookup/table-rows.ts';
import { TidemarkError, UsageError } from '../../cli/program/errors.ts';
import { bodyEvents } from '../../functions/api/event-body.ts';
import { Problem } from '../../functions/api/problem.ts';
import { jsonLayout, jsonLines } from '../../functions/formats/json-lines.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-encoding-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function bytesOf(file: string, encoding?: 'latin1' | 'utf8'): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const options = { format: undefined, csvText: false, encoding };
  for await (const chunk of inputChunks(inputFile(file, options))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const linesOf = async (file: string, encoding?: 'latin1' | 'utf8') =>
  (await bytesOf(file, encoding)).toString('utf8').split('\n').filter(Boolean);

const latin1Csv = Buffer.from('k,v\ncaf\xe9,1\ncaf\xe8,2\nplain,3\n', 'latin1');

describe('bytes that are not UTF-8', () => {
  it('are in CSV a line that is not UTF-8 either, alone and on its own line', async () => {
    const bytes = await bytesOf(write('latin1.csv', latin1Csv));
    expect(bytes.toString('latin1').split('\n')).toEqual(['', 'caf\xe9,1', 'caf\xe8,2', '{"k":"plain","v":3}', '']);
  });

  it.each(['a,\xe9,', 'a,"\xe9"', 'a,\xc3', 'a,\xa0', '\xed\xa0\x80,1'])(
    'are found wherever they stand in a row of CSV, which stays as it is: %j',
    async (row) => {
      const bytes = await bytesOf(write('odd.csv', Buffer.from(`k,v\n${row}\n`, 'latin1')));
      expect(bytes.toString('latin1')).toBe(`\n${row}\n`);
    },
  );

  it('leave a replacement character alone that stands there by right', async () => {
    expect(await linesOf(write('by-right.csv', 'k,v\n\ufffd,1\n'))).toEqual(['{"k":"\ufffd","v":1}']);
  });

  it('end the command where they are in the header of CSV', async () => {
    await expect(linesOf(write('header.csv', Buffer.from('caf\xe9\n1\n', 'latin1')))).rejects.toThrow(
      /UTF-8.*encoding/,
    );
  });

  it('are characters with --encoding latin1, in CSV, JSON lines and what is packed', async () => {
    const rows = ['{"k":"café","v":1}', '{"k":"cafè","v":2}', '{"k":"plain","v":3}'];
    const json = Buffer.from(rows.join('\n'), 'latin1');
    expect(await linesOf(write('latin1.csv', latin1Csv), 'latin1')).toEqual(rows);
    expect(await linesOf(write('latin1.csv.gz', gzipSync(latin1Csv)), 'latin1')).toEqual(rows);
    expect(await linesOf(write('latin1.json', json), 'latin1')).toEqual(rows);
    expect(await linesOf(write('latin1.bin', gzipSync(json)), 'latin1')).toEqual(rows);
    expect(() =>
      inputFile(write('x.parquet', 'PAR1'), { format: undefined, csvText: false, encoding: 'latin1' }),
    ).toThrow(UsageError);
  });

  it('are no rows of a lookup table', async () => {
    await expect(readRowsFile(write('rows.json', Buffer.from('{"k":"caf\xe9"}', 'latin1')))).rejects.toThrow(/UTF-8/);
  });
});

describe('UTF-16', () => {
  const event = '{"time":1,"k":"a"}\n';
  const little = Buffer.from(event, 'utf16le');
  const big = Buffer.from(little).swap16();
  const marked = Buffer.from(`\ufeff${event}`, 'utf16le');

  it.each([
    ['little-endian', little],
    ['big-endian', big],
    ['with BOM', marked],
    ['big-endian with BOM', Buffer.from(marked).swap16()],
  ])('is refused in one line that names the file and says what it is: %s', async (_which, bytes) => {
    for (const name of ['wide.json', 'wide.csv', 'wide.json.gz']) {
      const error = await bytesOf(write(name, name.endsWith('gz') ? gzipSync(bytes) : bytes)).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(TidemarkError);
      expect(String(error)).toMatch(/wide\.(json|csv).*UTF-16.*iconv/);
    }
    expect(() =>
      bodyEvents({ contentType: 'application/x-ndjson', contentEncoding: undefined, bytes: Buffer.from(bytes) }),
    ).toThrow(Problem);
  });
});

describe('a JSON array of events', () => {
  async function* once(text: string) {
    yield Buffer.from(text);
  }
  const rowsOf = async (text: string) => {
    const chunks: Buffer[] = [];
    for await (const chunk of jsonLines(once(text))) chunks.push(chunk);
    return Buffer.concat(chunks).toString().split('\n');
  };

  it.each([
    ['[{"a":1}]', 'list'],
    ['[]', 'list'],
    ['\ufeff [\n1]', 'list'],
    ['[1,"Open"]\n', 'lines'],
    ['[[1]]', 'lines'],
    ['{"a":[1]}', 'lines'],
    ['"', 'unclear'],
    ['[', 'unclear'],
  ])('is told from a line that is an array by how it begins: %j is %s', (text, layout) => {
    expect(jsonLayout(Buffer.from(text))).toBe(layout);
  });

  it('numbers its elements by the lines that they begin on', async () => {
    expect(await rowsOf('[\n {"a":1},\n\n {"a":\n2},{"a":3}]\n')).toEqual([
      '',
      '{"a":1}',
      '',
      '{"a":\t2}',
      '{"a":3}',
      '',
    ]);
  });

  it('has bad elements that are lines of their own, and what stands behind it is lines', async () => {
    expect(await rowsOf('[{"a":1} {"b":1},null,{"a":}]\n{"a":4}\n')).toEqual([
      '{"a":1} {"b":1}',
      'null',
      '{"a":}',
      '{"a":4}',
      '',
    ]);
    expect(await rowsOf('[]')).toEqual(['']);
  });

  it('keeps a text that a line break breaks as broken as it was', async () => {
    const [row = ''] = await rowsOf('[{"a":"x\ny"}]');
    expect(() => JSON.parse(row)).toThrow();
  });

  it.each(['[{"a":1},{"a":2}', '[', '[{"a":"]}', '[\n'])('is refused when it is never closed: %j', async (text) => {
    await expect(bytesOf(write('cut.json', text))).rejects.toThrow(/cut\.json.*never closed/);
  });
});
