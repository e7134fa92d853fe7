import type { DuckDBConnection } from '@duckdb/node-api';
import { TidemarkError } from '../program/errors.ts';
import { literal, localFile, openDatabase } from '../results/duckdb.ts';
import { type ParquetColumn, type ParquetField, rowJson } from './parquet-json.ts';

/** Text is gathered up to about this length, as in `csv-lines.ts`. */
const chunkCharacters = 64 * 1024;

/**
 * The guesses of DuckDB about a path or a file, all of which are off: a row is the file's columns, and nothing else.
 */
const asItIs = ['hive_partitioning', 'union_by_name', 'filename', 'file_row_number', 'binary_as_string']
  .map((option) => `${option} = false`)
  .join(', ');

/**
 * Rows of a Parquet file as JSON lines, in the order of the file. DuckDB reads a few thousand at a time. {@link
 * rowJson} says how values are written.
 * @throws TidemarkError where DuckDB has no binary, or two columns have one name; DuckDB's error when the file is
 * broken
 */
export async function* parquetLines(path: string): AsyncGenerator<Buffer> {
  const { connection, close } = await openDatabase({
    use: 'reading Parquet',
    instead: 'give JSON lines or CSV',
  });
  try {
    const from = `read_parquet(${literal(localFile(path))}, ${asItIs})`;
    const columns = await columnsOf(connection, path, from);
    const rows = await connection.stream(`SELECT ${rowJson(columns)} FROM ${from}`);
    let text = '';
    for (let chunk = await rows.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await rows.fetchChunk()) {
      for (const [line] of chunk.getRows()) text += `${line}\n`;
      if (text.length < chunkCharacters) continue;
      yield Buffer.from(text);
      text = '';
    }
    yield Buffer.from(text);
  } finally {
    await close();
  }
}

/**
 * The columns by the names that the file gives them. DuckDB ignores case: it renames `User` beside `user`, and a column
 * without a name.
 */
async function columnsOf(connection: DuckDBConnection, path: string, from: string): Promise<readonly ParquetColumn[]> {
  const empty = await connection.run(`SELECT * FROM ${from} LIMIT 0`);
  const { fields } = await schemaOf(connection, path);
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new TidemarkError(
      `${path}: has two columns ${JSON.stringify(twice)}: rename one of them, for an event holds a name once`,
    );
  const types = empty.columnTypes();
  return empty.columnNames().map((column, i) => {
    const [type, field] = [types[i], fields[i]];
    if (type === undefined || field === undefined) throw new Error(`${path}: column ${column} is not in its schema`);
    return { column, type, field };
  });
}

/** The schema is a tree, written parent first. */
async function schemaOf(connection: DuckDBConnection, path: string): Promise<ParquetField> {
  const schema = await connection.runAndReadAll(
    `SELECT name, coalesce(num_children, 0)::INTEGER FROM parquet_schema(${literal(localFile(path))})`,
  );
  const elements = schema.getRows().values();
  const next = (): ParquetField => {
    const [name, children] = elements.next().value ?? [];
    return { name: String(name), fields: Array.from({ length: Number(children ?? 0) }, next) };
  };
  return next();
}
