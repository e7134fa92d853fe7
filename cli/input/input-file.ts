import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { jsonLayout } from '../../functions/formats/json-lines.ts';
import { packingOf } from '../../functions/sources/unpacked.ts';
import { flag, type OptionValues, value } from '../program/command.ts';
import { UsageError } from '../program/errors.ts';
import { oneOf } from '../program/option-value.ts';
import { encodings, type FileFormat, formatNames, formatOf } from './format.ts';

/** An operand that can be read. */
export interface InputFile {
  readonly path: string;
  /** Undefined for an operand without a size, such as a pipe. One thread reads it from its start to its end. */
  readonly bytes: number | undefined;
  readonly format: FileFormat;
  /** Whether the file is lines of JSON as they are. They can be read where they lie, and from any byte on. */
  readonly plain: boolean;
}

/** The options of all commands that read files. */
export const inputOptions = {
  format: value(
    'name',
    'the format of the files, whatever they are called: json (lines), csv, either with .gz or .zst, or parquet (default: by extension, else json)',
    oneOf(formatNames),
  ),
  encoding: value(
    'name',
    `the encoding of JSON lines and CSV: ${encodings.join(' or ')} (ISO 8859-1); as utf8, lines that are not UTF-8 are rejected (default: utf8)`,
    oneOf(encodings),
  ),
  csvText: flag(
    'take all cells of CSV for text, for a schema that converts them (default: numbers, true, false and empty cells are what they look like)',
  ),
};

/**
 * Looks at all operands before any work is done.
 * @throws the file system's error with `code` and `path`: a file does not exist (ENOENT), is a folder (EISDIR), may not
 * be read (EACCES)
 */
export function inputFiles(
  paths: readonly string[],
  options?: OptionValues<typeof inputOptions>,
): readonly InputFile[] {
  const known = new Map<string, InputFile>();
  return paths.map((path) => {
    const file = known.get(path) ?? inputFile(path, options);
    known.set(path, file);
    return file;
  });
}

/** One operand. Errors as {@link inputFiles}. */
export function inputFile(path: string, options?: OptionValues<typeof inputOptions>): InputFile {
  const stats = statSync(path);
  if (stats.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR', path });
  const named = formatOf(options?.format === undefined ? path : `.${options.format}`, {
    cells: options?.csvText ? 'text' : 'typed',
    encoding: options?.encoding ?? 'utf8',
  });
  if (named.form === 'parquet' && named.encoding !== 'utf8')
    throw new UsageError(
      `--encoding ${named.encoding}: ${path} is Parquet, which says itself what it holds: leave it out`,
    );
  // A pipe is looked at when it is read: bytes that were taken out of it are gone.
  if (!stats.isFile()) return { path, bytes: undefined, format: named, plain: false };
  const begin = beginOf(path);
  const format = named.form === 'parquet' ? named : { ...named, packing: packingOf(begin) ?? named.packing };
  const plain = format.form === 'json' && format.packing === 'none' && format.encoding === 'utf8' && isLines(begin);
  return { path, bytes: stats.size, format, plain };
}

/** Whether the file begins as lines do. A whole file of blanks, or an empty one, is lines too. */
function isLines(begin: Buffer): boolean {
  const layout = jsonLayout(begin);
  return layout === 'lines' || (layout === 'unclear' && !begin.includes('['));
}

/** The number of bytes that tell the format of a file. */
const beginBytes = 4096;

function beginOf(path: string): Buffer {
  const begin = Buffer.alloc(beginBytes);
  const fd = openSync(path, 'r');
  try {
    return begin.subarray(0, readSync(fd, begin, 0, beginBytes, 0));
  } finally {
    closeSync(fd);
  }
}
