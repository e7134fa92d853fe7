import { identifier, literal, openDatabase } from '../results/duckdb.ts';

/** Text is gathered up to about so much, as in `csv-lines.ts`. */
const chunkCharacters = 64 * 1024;

/** How columns are written whose JSON by DuckDB is not what an event holds: times in ISO 8601 with a zone, whole milliseconds unless there are more digits. */
const isoFormat = "'%Y-%m-%dT%H:%M:%S.%gZ'";
const isTime = /^TIMESTAMP/;

/**
 * Rows of a Parquet file as JSON lines, in its order, read by DuckDB a few thousand at a time. Times, with a zone or without one (then UTC), are ISO 8601 in UTC.
 * @throws TidemarkError where DuckDB has no binary; DuckDB's error when the file is broken
 */
export async function* parquetLines(path: string): AsyncGenerator<Buffer> {
  const { connection, close } = await openDatabase(
    'DuckDB reads Parquet and is not here: npm install @duckdb/node-api, or give JSON lines or CSV',
  );
  try {
    const from = `read_parquet(${literal(path)})`;
    const columns = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)).getRows();
    const fields = columns.map(([name, type]) => {
      const column = identifier(String(name));
      return `${literal(String(name))}: ${isTime.test(String(type)) ? `strftime(${column}::TIMESTAMP, ${isoFormat})` : column}`;
    });
    const rows = await connection.stream(`SELECT to_json({${fields.join(', ')}})::VARCHAR FROM ${from}`);
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
