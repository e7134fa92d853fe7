import pg from 'pg';
import type { Delivery } from 'tidemark';

/**
 * Where the database is, the environment says (PGHOST, PGUSER, PGPASSWORD, PGDATABASE): `sinks: { toPostgres: { vpc,
 * environment } }` of the construct.
 */
const pool = new pg.Pool({ max: 1 });
// A connection that is lost while nobody uses it: the next window opens another.
pool.on('error', () => {});

/**
 * All rows of a window in one transaction, so that the window is there whole or not at all. A delivery that comes
 * again, or late, changes nothing: a row is replaced by a greater revision only. The table is in schema.sql.
 */
export default async ({ start, revision, rows }: Delivery): Promise<void> => {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    for (const { key, values } of rows)
      await client.query(
        `INSERT INTO sales_per_hour AS old (shop, hour, revision, sales, revenue) VALUES ($1, to_timestamp($2 / 1000.0), $3, $4, $5)
         ON CONFLICT (shop, hour) DO UPDATE SET revision = excluded.revision, sales = excluded.sales, revenue = excluded.revenue
         WHERE old.revision < excluded.revision`,
        [key.shop, start, revision, values.sales, values.revenue],
      );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
};
