import { accessSync, constants, statSync } from 'node:fs';
import { flag, type OptionValues, value } from '../command.ts';
import { oneOf } from '../option-value.ts';
import { type FileFormat, formatNames, formatOf } from './format.ts';

/** An operand that can be read. */
export interface InputFile {
  readonly path: string;
  /** Undefined for what has no size, such as a pipe: it is read from its start to its end by one thread. */
  readonly bytes: number | undefined;
  readonly format: FileFormat;
}

/** The options of all commands that read files. */
export const inputOptions = {
  format: value(
    'name',
    'what the files hold, whatever they are called: json (lines), csv, either with .gz or .zst, or parquet (default: by extension, else json)',
    oneOf(formatNames),
  ),
  csvText: flag(
    'take all cells of CSV for text, for a schema that converts them (default: numbers, true, false and empty cells are what they look like)',
  ),
};

/**
 * Looks at all operands before any work is done.
 * @throws the file system's error with `code` and `path`: a file does not exist (ENOENT), is a folder (EISDIR), may not be read (EACCES)
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

/** One of them. Errors as {@link inputFiles}. */
export function inputFile(path: string, options?: OptionValues<typeof inputOptions>): InputFile {
  const stats = statSync(path);
  if (stats.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR', path });
  accessSync(path, constants.R_OK);
  return {
    path,
    bytes: stats.isFile() ? stats.size : undefined,
    format: formatOf(options?.format === undefined ? path : `.${options.format}`, options?.csvText ? 'text' : 'typed'),
  };
}

/** Whether the file is lines of JSON as they are: they can be read where they lie, and from any byte on. */
export function isPlain({ format: { form, packing } }: InputFile): boolean {
  return form === 'json' && packing === 'none';
}
