import type { DifferentialCase, FieldName, TimeForm } from './case.ts';
import { fields } from './fields.ts';

const names = Object.keys(fields) as Exclude<FieldName, 'time'>[];

/** SQL of the events in a file, read by DuckDB itself: line (from 0), valid, time_ms, the fields, and g_json. */
export function eventsInFile({ format, timeForm, dedup }: DifferentialCase, file: string): string {
  // An empty id could be another's (docs/GUARANTEES.md, I13).
  const hasId = dedup ? "id IS DISTINCT FROM ''" : 'true';
  const read = { json: jsonEvents, csv: csvEvents, parquet: parquetEvents }[format](timeForm, file);
  return `SELECT * REPLACE (valid AND time_ms IS NOT NULL AND ${hasId} AS valid) FROM (${read})`;
}

/** SQL of a time in epoch ms, from its text. */
const timeOf: Readonly<Record<TimeForm, (text: string) => string>> = {
  ms: (text) => `TRY_CAST(${text} AS BIGINT)`,
  s: (text) => `(TRY_CAST(${text} AS DECIMAL(20, 3)) * 1000)::BIGINT`,
  iso: (text) => `epoch_us(TRY_CAST(${text} AS TIMESTAMPTZ)) // 1000`,
};

function jsonEvents(timeForm: TimeForm, file: string): string {
  const numbers = ['BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE'];
  const isOf = (name: FieldName, types: readonly string[]) =>
    `coalesce(json_type(j, '$.${name}'), 'NULL') IN (${types.map((type) => `'${type}'`).join(', ')})`;
  const valid = [
    "json_type(j) = 'OBJECT'",
    isOf('time', timeForm === 'iso' ? ['VARCHAR'] : numbers),
    ...names.map((name) => isOf(name, ['NULL', ...fields[name].json])),
  ];
  const g = "(j ->> '$.g')";
  return `SELECT line, coalesce(${valid.join(' AND ')}, false) AS valid,
    ${timeOf[timeForm]("(j ->> '$.time')")} AS time_ms,
    ${names.map((name) => `${fields[name].sql(`(j ->> '$.${name}')`)} AS ${name}`).join(', ')},
    CASE json_type(j, '$.g') WHEN 'VARCHAR' THEN to_json(${g})::VARCHAR WHEN 'BOOLEAN' THEN ${g}
      WHEN 'NULL' THEN NULL ELSE regexp_replace(TRY_CAST(${g} AS DOUBLE)::VARCHAR, '\\.0$', '') END AS g_json
    FROM (SELECT line, CASE WHEN json_valid(text) THEN text::JSON END AS j FROM (
      SELECT unnest(lines) AS text, unnest(range(len(lines))) AS line
      FROM (SELECT string_split(rtrim(content, chr(10)), chr(10)) AS lines FROM read_text('${file}'))))
    WHERE line < (SELECT CASE WHEN size = 0 THEN 0 ELSE 1000000 END FROM read_text('${file}'))`;
}

function csvEvents(timeForm: TimeForm, file: string): string {
  const valid = names
    .filter((name) => fields[name].sql(name) !== name)
    .map((name) => `(${name} IS NULL OR ${fields[name].sql(name)} IS NOT NULL)`);
  return `SELECT line, ${valid.join(' AND ')} AS valid, ${timeOf[timeForm]('time')} AS time_ms,
    ${names.map((name) => `${fields[name].sql(`cells.${name}`)} AS ${name}`).join(', ')}, to_json(g)::VARCHAR AS g_json
    FROM (SELECT row_number() OVER () - 1 AS line, * FROM read_csv('${file}', all_varchar = true, header = true,
      delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, parallel = false,
      auto_detect = false, columns = {time: 'VARCHAR', ${names.map((name) => `${name}: 'VARCHAR'`).join(', ')}})) AS cells`;
}

function parquetEvents(timeForm: TimeForm, file: string): string {
  const time = { ms: 'time', s: 'round(time * 1000)::BIGINT', iso: 'epoch_us(time) // 1000' }[timeForm];
  return `SELECT file_row_number AS line, true AS valid, ${time} AS time_ms, ${names.join(', ')},
    to_json(g)::VARCHAR AS g_json FROM read_parquet('${file}', file_row_number = true)`;
}
