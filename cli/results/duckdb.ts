import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { TidemarkError } from '../program/errors.ts';
import { optionalPackage } from '../program/optional-package.ts';
import { columnType } from './column-type.ts';
import type { commonColumns, FlatRow } from './flat-rows.ts';

/** A database in memory, with the rows of windows as its tables. */
export interface ResultDatabase {
  readonly connection: DuckDBConnection;
  /** Makes a table of rows, with a type for each column that loses nothing. */
  addTable(name: string, columns: readonly string[], rows: readonly FlatRow[]): Promise<void>;
  close(): Promise<void>;
}

/** The types that the columns of every window have. */
const windowTypes: Readonly<Record<(typeof commonColumns)[number], string>> = {
  window_start: 'TIMESTAMPTZ',
  window_end: 'TIMESTAMPTZ',
  status: 'VARCHAR',
  revision: 'INTEGER',
  records: 'BIGINT',
  finalized_at: 'TIMESTAMPTZ',
};

/** The command or the option that needs the database, and what does without it. */
export interface DatabaseUse {
  readonly use: string;
  readonly instead: string;
}

/**
 * Opens a database in memory. DuckDB is an optional peer: 70 MB that most commands do without.
 * @throws TidemarkError with the command that installs it, where it is missing; with `instead`, where it has no binary
 * for this platform
 */
export async function openDatabase({ use, instead }: DatabaseUse): Promise<ResultDatabase> {
  const { DuckDBInstance } = await optionalPackage('@duckdb/node-api', use, () => import('@duckdb/node-api')).catch(
    (error: unknown) => {
      throw new TidemarkError(
        error instanceof TidemarkError
          ? `${error.message}, or ${instead}`
          : `${use} needs DuckDB, which has no binary for this platform: ${instead}`,
        { cause: error },
      );
    },
  );
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-sql-'));
  return {
    connection,
    async addTable(name, columns, rows) {
      const types = columns.map((column) => {
        const fixed = windowTypes[column as keyof typeof windowTypes];
        return [column, fixed ?? columnType(column in windowTypes ? [] : valuesOf(rows, column))] as const;
      });
      const file = path.join(folder, 'rows.ndjson');
      await writeLines(file, rows, types);
      const declared = types.map(([column, type]) => `${literal(column)}: ${literal(type)}`).join(', ');
      const options = `format = 'newline_delimited', hive_partitioning = false, columns = {${declared}}`;
      await connection.run(
        `CREATE TABLE ${identifier(name)} AS SELECT * FROM read_json(${literal(localFile(file))}, ${options})`,
      );
      await rm(file);
    },
    async close() {
      connection.closeSync();
      instance.closeSync();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function* valuesOf(rows: readonly FlatRow[], column: string): Generator<unknown> {
  for (const row of rows) yield row[column];
}

async function writeLines(
  file: string,
  rows: readonly FlatRow[],
  types: readonly (readonly [string, string])[],
): Promise<void> {
  const out = createWriteStream(file);
  for (const row of rows) {
    // A JSON column takes the JSON of its value; the JSON of a text is the text in quotes.
    const line = `${JSON.stringify(Object.fromEntries(types.map(([column]) => [column, row[column] ?? null])))}\n`;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
}

/** A name in SQL: people who ask for `NAME@2` have to quote it, too. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A file for a function of DuckDB that reads files. The path is absolute, because `s3:` may be a folder. The characters
 * of a pattern stand for themselves.
 */
export function localFile(file: string): string {
  return path.resolve(file).replace(/[[*?]/g, '[$&]');
}

/** A text in SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
