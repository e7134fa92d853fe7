import type { DuckDBConnection } from '@duckdb/node-api';
import { TidemarkError } from '../errors.ts';
import { literal, localFile, openDatabase } from '../results/duckdb.ts';
import { type ParquetColumn, rowJson } from './parquet-json.ts';

/** Text is gathered up to about so much, as in `csv-lines.ts`. */
const chunkCharacters = 64 * 1024;

/** All that DuckDB would make of a path or a file by its own guess is off: a row is the file's columns, and nothing else. */
const asItIs =
  'hive_partitioning = false, union_by_name = false, filename = false, file_row_number = false, binary_as_string = false';

/**
 * Rows of a Parquet file as JSON lines, in its order, read by DuckDB a few thousand at a time: {@link rowJson} says how values are written.
 * @throws TidemarkError where DuckDB has no binary, or two columns have one name; DuckDB's error when the file is broken
 */
export async function* parquetLines(path: string): AsyncGenerator<Buffer> {
  const { connection, close } = await openDatabase(
    'DuckDB reads Parquet and is not here: npm install @duckdb/node-api, or give JSON lines or CSV',
  );
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

/** The columns by the names that the file gives them: DuckDB, which ignores case, renames `User` beside `user`, and one without a name. */
async function columnsOf(connection: DuckDBConnection, path: string, from: string): Promise<readonly ParquetColumn[]> {
  const empty = await connection.run(`SELECT * FROM ${from} LIMIT 0`);
  const names = await columnNames(connection, path);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new TidemarkError(
      `${path}: has two columns ${JSON.stringify(twice)}: rename one of them, for an event holds a name once`,
    );
  const types = empty.columnTypes();
  return empty.columnNames().map((column, i) => {
    const type = types[i];
    if (type === undefined) throw new Error(`DuckDB gives column ${column} no type`);
    return { name: names[i] ?? column, column, type };
  });
}

/** The names of the root's children: the schema is a tree, written parent first. */
async function columnNames(connection: DuckDBConnection, path: string): Promise<readonly string[]> {
  const schema = await connection.runAndReadAll(
    `SELECT name, coalesce(num_children, 0)::INTEGER FROM parquet_schema(${literal(localFile(path))})`,
  );
  const names: string[] = [];
  let inner = 0;
  for (const [name, children] of schema.getRows().slice(1)) {
    if (inner === 0) names.push(String(name));
    else inner -= 1;
    inner += Number(children);
  }
  return names;
}
