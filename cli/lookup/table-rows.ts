import { isUtf8 } from 'node:buffer';
import { mostLookupBytes } from '../../functions/core/definition/lookup-rows.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { parseEvent } from '../../functions/core/events/event-json.ts';
import { inputChunks } from '../input/input-chunks.ts';
import { inputFile, type inputOptions } from '../input/input-file.ts';
import { type OptionValues, value } from '../program/command.ts';
import { TidemarkError, UsageError } from '../program/errors.ts';

/** The rows of a table, as `--lookup` names them. */
interface NamedFile {
  readonly table: string;
  readonly path: string;
}

/**
 * The option of commands that read files themselves. They have no published versions, so one version stands for all.
 */
export const lookupOptions = {
  lookup: value(
    'table=file',
    'the rows that events are joined with, when the pipeline looks them up in a table: a JSON list, JSON lines, CSV or Parquet',
    (given, option): NamedFile => {
      const [, table = '', path = ''] = /^([^=]+)=(.+)$/.exec(given) ?? [];
      if (table === '' || path === '')
        throw new UsageError(`${option} is a table and its file, such as products=products.json, not "${given}"`);
      return { table, path };
    },
  ),
};

/**
 * The rows for a pipeline's table; undefined when it has none.
 * @throws UsageError when the option is missing, or names another table; TidemarkError when the file holds no rows
 */
export async function rowsFor(
  { name, lookupTable }: Pipeline,
  given: NamedFile | undefined,
): Promise<readonly object[] | undefined> {
  if (lookupTable === undefined) {
    if (given !== undefined)
      throw new UsageError(`--lookup ${given.table}: pipeline ${name} looks up in no table: leave it out`);
    return undefined;
  }
  const { table } = lookupTable;
  if (given === undefined)
    throw new UsageError(
      `--lookup is missing: pipeline ${name} joins events with table ${table}: give --lookup ${table}=FILE`,
    );
  if (given.table !== table)
    throw new UsageError(`--lookup ${given.table}: pipeline ${name} has no such table: give --lookup ${table}=FILE`);
  return readRowsFile(given.path);
}

/** The most bytes of a file: more text than the largest table is, with all the fields that are left out. */
const mostFileBytes = 10 * mostLookupBytes;

/**
 * Rows out of a file: a JSON list of objects, or any format that files of events may have.
 * @throws TidemarkError that names the file, or the line that is not a row
 */
export async function readRowsFile(
  path: string,
  options?: OptionValues<typeof inputOptions>,
): Promise<readonly object[]> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of inputChunks(inputFile(path, options))) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > mostFileBytes)
      throw new TidemarkError(`${path}: has more than ${mostFileBytes} bytes: a table holds ${mostLookupBytes}`);
  }
  const content = Buffer.concat(chunks);
  if (!isUtf8(content))
    throw new TidemarkError(`${path}: is not UTF-8: convert it, or give its encoding where the command has --encoding`);
  const text = content.toString().replace(/^\uFEFF/gm, '');
  return text
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [asRow(parsed(line, `${path}:${i + 1}`), `${path}:${i + 1}`)]));
}

function parsed(text: string, where: string): unknown {
  try {
    return parseEvent(text);
  } catch (error) {
    throw new TidemarkError(
      `${where}: is no JSON (${error instanceof Error ? error.message : error}): give a list of rows, or a row a line`,
    );
  }
}

function asRow(row: unknown, where: string): object {
  if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row;
  throw new TidemarkError(`${where}: is not a row: give an object for each`);
}
