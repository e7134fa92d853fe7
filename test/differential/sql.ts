import type { DuckDBConnection } from '@duckdb/node-api';

/** A connection to DuckDB. */
export interface Database {
  run(sql: string): Promise<void>;
  /** Makes a table anew, of a query. */
  table(name: string, sql: string): Promise<void>;
  /** The rows of a query, by way of JSON. */
  rows<Row>(sql: string): Promise<readonly Row[]>;
}

export function database(connection: DuckDBConnection): Database {
  const run = async (sql: string) => {
    await connection.run(sql).catch((error: unknown) => failed(sql, error));
  };
  return {
    run,
    table: (name, sql) => run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`),
    async rows<Row>(sql: string) {
      const text = `SELECT to_json(one)::VARCHAR FROM (${sql}) AS one`;
      const found = await connection.runAndReadAll(text).catch((error: unknown) => failed(text, error));
      return found.getRows().map(([json]) => JSON.parse(String(json)) as Row);
    },
  };
}

function failed(sql: string, error: unknown): never {
  throw new Error(`DuckDB refuses ${sql}`, { cause: error });
}

/** DuckDB, with its clock in UTC; undefined where its package has no binary. */
export async function openDuckdb(): Promise<DuckDBConnection | undefined> {
  const duckdb = await import('@duckdb/node-api').catch(() => undefined);
  if (duckdb === undefined) return undefined;
  const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}
