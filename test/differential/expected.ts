import type { DuckDBConnection } from '@duckdb/node-api';
import { aggregates } from './aggregates.ts';
import type { Answer, ClassCounts, PairCounts, ResultRow } from './answer.ts';
import type { CaseQuery, DifferentialCase } from './case.ts';
import { conditions } from './conditions.ts';
import { eventsInFile } from './event-sql.ts';
import { groupKeys } from './group-keys.ts';
import type { Value } from './judgement.ts';
import { membersOfSessions, membersOfWindows } from './members-sql.ts';
import { type Database, database } from './sql.ts';

/** How events come: all at once (`batch`), or in batches with lateness (`stream`). */
export type Way = 'batch' | 'stream';

/** DuckDB's answer to the queries of a case, from the file of its events alone. */
export async function expectedAnswer(
  given: DifferentialCase,
  file: string,
  way: Way,
  connection: DuckDBConnection,
): Promise<Answer> {
  const sql = database(connection);
  await sql.table('read', eventsInFile(given, file));
  await sql.table('plan', planOf(given, way));
  await sql.table(
    'accepted',
    `SELECT *, ${given.dedup} AND id IS NOT NULL AND row_number() OVER (PARTITION BY id ORDER BY batch, place) > 1
      AS duplicate FROM read JOIN plan USING (line)
    WHERE valid AND time_ms <= ${given.arrivalMs + given.futureSkewMs}`,
  );
  await sql.table('looks', looksOf(given, way));
  await sql.run('CREATE OR REPLACE TEMP TABLE classes (query VARCHAR, line BIGINT, class VARCHAR)');
  const rows: ResultRow[] = [];
  for (const query of given.queries) rows.push(...(await answerTo(sql, query, way)));
  return { rows, ...(await countsOf(sql, given)) };
}

/** SQL of when each event comes: line, batch, place in the batch, shard. */
function planOf({ batches, events }: DifferentialCase, way: Way): string {
  const places =
    way === 'batch'
      ? events.map((_, line) => [line, 0, line, 0])
      : batches.flatMap(({ shard, events: own }, batch) => own.map((line, place) => [line, batch, place, shard]));
  const values = places.map((place) => `(${place.join(', ')})`).join(', ');
  return places.length === 0
    ? 'SELECT 0 AS line, 0 AS batch, 0 AS place, 0 AS shard WHERE false'
    : `SELECT * FROM (VALUES ${values}) AS plan(line, batch, place, shard)`;
}

/**
 * SQL of the runs of finalize: after_batch, and C, what they have closed. The watermark is the least over all shards of
 * their greatest event time, less the delay; C never goes back (docs/DESIGN.md, 1).
 */
function looksOf({ batches, shards, delayMs }: DifferentialCase, way: Way): string {
  const after = way === 'batch' ? [] : batches.flatMap(({ finalize }, batch) => (finalize ? [`(${batch})`] : []));
  if (after.length === 0) return 'SELECT 0 AS after_batch, 0 AS c WHERE false';
  return `SELECT after_batch, max(w) OVER (ORDER BY after_batch) AS c FROM (
    SELECT after_batch, CASE WHEN count(*) = ${shards} THEN min(latest) - ${delayMs} END AS w FROM (
      SELECT after_batch, shard, max(time_ms) AS latest
      FROM (VALUES ${after.join(', ')}) AS runs(after_batch) JOIN accepted ON batch <= after_batch
      GROUP BY after_batch, shard)
    GROUP BY after_batch)`;
}

async function answerTo(sql: Database, query: CaseQuery, way: Way): Promise<readonly ResultRow[]> {
  const { name, window, groupBy, totals, where } = query;
  const keys = groupBy.map((_, i) => `key${i}`);
  const holds = where === undefined ? 'true' : `(${conditions[where]?.sql}) IS TRUE`;
  await sql.table(
    'wanted',
    `SELECT *, (SELECT max(c) FROM looks WHERE after_batch < batch) AS c${groupBy.map((key, i) => `, ${groupKeys[key]?.sql} AS key${i}`).join('')}
    FROM accepted WHERE NOT duplicate AND ${holds}`,
  );
  if (window.kind === 'session') await membersOfSessions(sql, window, query.latenessMs, keys, way);
  else await membersOfWindows(sql, window, query.latenessMs);
  await sql.run(`INSERT INTO classes SELECT '${name}', line, CASE WHEN line IN (SELECT line FROM members) THEN 'counted'
    WHEN line IN (SELECT line FROM wanted) THEN 'late' ELSE 'filtered' END FROM accepted WHERE NOT duplicate`);
  const groups = totals === undefined ? keys : [`${totals.toUpperCase()}(${keys.join(', ')})`];
  const found = await sql.rows<{ start: number; end: number; bits: number; keys: Value[]; values: Value[] }>(
    `SELECT start_ms AS start, end_ms AS end, ${totals === undefined ? 0 : `GROUPING(${keys.join(', ')})`} AS bits,
      json_array(${keys.join(', ')}) AS keys,
      json_array(${query.aggregates.map((one) => aggregates[one.kind]?.sql(one)).join(', ')}) AS values
    FROM members JOIN wanted USING (line) GROUP BY ${['start_ms', 'end_ms', ...groups].join(', ')}`,
  );
  return found.map(({ start, end, bits, keys: values, values: results }) => ({
    query: name,
    start,
    end,
    grouping: bits,
    key: Object.fromEntries(
      groupBy.flatMap((key, i) => ((bits >> (groupBy.length - 1 - i)) & 1 ? [] : [[key, keyValue(key, values[i])]])),
    ),
    values: Object.fromEntries(results.map((value, i) => [`a${i}`, value])),
  }));
}

function keyValue(key: string, value: Value = null): Value {
  return groupKeys[key]?.isJson && typeof value === 'string' ? (JSON.parse(value) as Value) : value;
}

/** An event is in the first class that holds: rejected, duplicate, counted, late, filtered (docs/DESIGN.md, 2). */
async function countsOf(sql: Database, { queries }: DifferentialCase): Promise<Omit<Answer, 'rows'>> {
  const count = (classes: readonly string[]) =>
    classes.map((one) => `count(*) FILTER (class = '${one}') AS ${one}`).join(', ');
  const pairs = await sql.rows<PairCounts & { readonly query: string }>(
    `SELECT query, ${count(['counted', 'late', 'filtered'])} FROM classes GROUP BY query`,
  );
  const [counters] = await sql.rows<ClassCounts>(
    `SELECT count(*) AS received, ${count(['counted', 'late', 'duplicate', 'rejected', 'filtered'])} FROM (
      SELECT CASE WHEN accepted.line IS NULL THEN 'rejected' WHEN duplicate THEN 'duplicate'
        WHEN line IN (SELECT line FROM classes WHERE class = 'counted') THEN 'counted'
        WHEN line IN (SELECT line FROM classes WHERE class = 'late') THEN 'late' ELSE 'filtered' END AS class
      FROM read LEFT JOIN accepted USING (line))`,
  );
  if (counters === undefined) throw new Error('DuckDB counts nothing');
  return {
    counters,
    pairs: Object.fromEntries(
      queries.map(({ name }) => {
        const own = pairs.find(({ query }) => query === name);
        return [name, { counted: own?.counted ?? 0, late: own?.late ?? 0, filtered: own?.filtered ?? 0 }];
      }),
    ),
  };
}
