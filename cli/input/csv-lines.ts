import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { CsvError, type InfoField, type InfoRecord, parse } from 'csv-parse';
import { csvFault } from '../../functions/core/events/event-json.ts';
import { exactNumber } from '../../functions/core/events/exact-number.ts';
import { afterByteOrderMark, looksUtf16 } from '../../functions/formats/encoding.ts';
import { recordLimitBytes } from '../../functions/formats/lines.ts';
import type { FileFormat } from './format.ts';

/** A row as the parser gives it. */
interface Row {
  readonly record: readonly Cell[];
  readonly raw: string;
  /** `lines`: the number of the line on which the row ends, from 1. */
  readonly info: { readonly lines: number };
}

type Cell = string | number | boolean | null | typeof notUtf8;

/** Stands for a cell whose bytes are not text. */
const notUtf8 = Symbol('not UTF-8');

/** A row ends at any of these, whichever of them the other rows of the file end at. */
const rowEnds = ['\r\n', '\n', '\r'];

/** Text is gathered up to about this length, because a row is too small to be a step of an asynchronous loop. */
const chunkCharacters = 64 * 1024;

/**
 * Rows of CSV (RFC 4180, UTF-8, a header) as JSON lines. Each is an object by the header's names. It is on the line of
 * the row's end, so that numbers of lines stay those of the file. A row with more or fewer cells than the header has
 * becomes a line that is not JSON, and the pipeline rejects it. The value of a cell follows from the cell alone: a row
 * is the same event in every file, and however often it is read.
 * @throws Error that says where rows can no longer be told apart: a quote that is never closed, a row of more than 1
 * MiB, a header with a name twice
 */
export async function* csvLines(
  chunks: AsyncIterable<Buffer>,
  { cells, encoding }: Pick<FileFormat, 'cells' | 'encoding'>,
): AsyncGenerator<Buffer> {
  const source = Readable.from(withoutMark(chunks));
  const decoded = encoding === 'latin1' ? (cell: string) => cell : utf8;
  const parser = parse({
    // The parser gets bytes, one character each: as text, bytes that are not UTF-8 would be replaced in silence.
    encoding: 'latin1',
    bom: false,
    record_delimiter: rowEnds,
    raw: true,
    info: true,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: recordLimitBytes,
    cast: (cell, context) => {
      const text = decoded(cell);
      return text === notUtf8 || cells === 'text' ? text : typed(text, context);
    },
  });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let names: readonly string[] | undefined;
  let text = '';
  let line = 0;
  const rows: AsyncIterable<Row> = parser;
  try {
    for await (const { record, raw, info } of rows) {
      text += '\n'.repeat(Math.max(0, info.lines - line - 1));
      const json = names === undefined ? '' : lineOf(names, record, decoded(raw));
      names ??= header(record);
      if (json === notUtf8) {
        // Its own bytes are rejected wherever they are read, as a line of JSON that is not UTF-8.
        yield Buffer.concat([Buffer.from(text), Buffer.from(onOneLine(raw), 'latin1')]);
        text = '\n';
      } else text += `${json}\n`;
      line = Math.max(info.lines, line + 1);
      if (text.length < chunkCharacters) continue;
      yield Buffer.from(text);
      text = '';
    }
  } catch (error) {
    yield Buffer.from(text); // the whole rows before it, for readers that tell how far it came
    throw error instanceof CsvError ? new Error(described(error, line + 1)) : error;
  } finally {
    source.destroy();
  }
  yield Buffer.from(text);
}

function header(record: readonly Cell[]): readonly string[] {
  if (record.includes(notUtf8)) throw new Error('the header is not UTF-8: give its --encoding, or convert the file');
  const names = record.map(String);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`the header names ${JSON.stringify(twice)} twice`);
  return names;
}

/**
 * The line of a row.
 * @param raw the row as it stands in the file
 */
function lineOf(
  names: readonly string[],
  record: readonly Cell[],
  raw: string | typeof notUtf8,
): string | typeof notUtf8 {
  if (raw === notUtf8) return raw;
  if (record.length === names.length)
    return JSON.stringify(Object.fromEntries(names.map((name, i) => [name, record[i]])));
  const cells = record.length === 1 ? '1 cell' : `${record.length} cells`;
  return `${csvFault}${cells}, and the header has ${names.length}: ${onOneLine(raw)}`;
}

function onOneLine(row: string): string {
  // Line ends alone: of bytes that are not UTF-8, one may pass for a space.
  return row.replace(/^[\r\n]+|[\r\n]+$/g, '').replace(/[\r\n]+/g, ' ');
}

/** A number as JSON writes it: `007` and `+1` are codes, not numbers. */
const numberPattern = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * The value of a cell. A cell in quotes is text. So is a cell that would not survive being a number, such as `007` or
 * an id of 20 digits.
 */
function typed(cell: string, { quoting, records }: Pick<InfoField & InfoRecord, 'quoting' | 'records'>): Cell {
  if (quoting || records === 0) return cell;
  if (cell === '') return null;
  if (numberPattern.test(cell)) {
    const number = exactNumber(cell);
    return number === Number.POSITIVE_INFINITY || number === Number.NEGATIVE_INFINITY ? cell : number;
  }
  return /^true$/i.test(cell) ? true : /^false$/i.test(cell) ? false : cell;
}

/** The text whose UTF-8 the characters are, one byte each; {@link notUtf8} when they are not UTF-8. */
function utf8(bytes: string): string | typeof notUtf8 {
  if (!beyondAscii.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString('utf8') : notUtf8;
}

const beyondAscii = /[\x80-\xff]/;

/** @throws Error when the text is UTF-16 */
async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begin: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (begin === undefined) {
      yield chunk;
      continue;
    }
    begin = Buffer.concat([begin, chunk]);
    if (begin.length < 3) continue;
    if (looksUtf16(begin)) throw new Error('it is UTF-16: convert it, iconv -f UTF-16 -t UTF-8');
    yield begin.subarray(afterByteOrderMark(begin, 0, begin.length));
    begin = undefined;
  }
  if (begin !== undefined) yield begin;
}

function described({ code, message }: CsvError, line: number): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return `a quote in the row that begins on line ${line} is never closed`;
  if (code === 'CSV_MAX_RECORD_SIZE')
    return `the row that begins on line ${line} has more than 1 MiB: a quote may be left open in it`;
  return message;
}
