// Counts the events of each action and hour in the files that are listed in a file, with DuckDB on two threads.
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const files = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
const connection = await instance.connect();
const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join();
const reader = await connection.runAndReadAll(`
  SELECT time // 3600 * 3600000 AS start, action, count(*)::DOUBLE AS n
  FROM read_json([${list}], format = 'newline_delimited', columns = {time: 'BIGINT', action: 'VARCHAR'})
  GROUP BY ALL`);
for (const [start, action, n] of reader.getRows())
  process.stdout.write(`${JSON.stringify({ start: Number(start), key: { action }, values: { count: n } })}\n`);
