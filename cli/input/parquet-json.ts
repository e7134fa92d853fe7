import type { DuckDBType } from '@duckdb/node-api';
import { nonFiniteJson } from '../../functions/core/event-json.ts';
import { identifier, literal } from '../results/duckdb.ts';

/** A column of a file. */
export interface ParquetColumn {
  /** As the file has it, and so the event. */
  readonly name: string;
  /** As DuckDB calls it. */
  readonly column: string;
  readonly type: DuckDBType;
}

/**
 * The SQL of a row's JSON. Whole numbers and decimals have all their digits; times, at any depth, are ISO 8601 in UTC, whole milliseconds unless there are
 * more digits, and one without a zone is UTC; NaN and the infinities are as `parseEvent` reads them. All else is as DuckDB's `to_json` has it.
 */
export function rowJson(columns: readonly ParquetColumn[]): string {
  return objectJson(columns.map(({ name, column, type }) => [name, valueJson(identifier(column), type, 0)]));
}

function objectJson(members: readonly (readonly [name: string, json: string])[]): string {
  const parts = members.map(([name, json], i) => {
    const before = `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`;
    return `${literal(before)}, ${orNull(json)}`;
  });
  return parts.length === 0 ? "'{}'" : `concat(${parts.join(', ')}, '}')`;
}

function orNull(json: string): string {
  return `coalesce(${json}, 'null')`;
}

/** The SQL of a value's JSON as text, NULL for NULL. @param depth of lists and maps around it: each has a variable of its own */
function valueJson(sql: string, type: DuckDBType, depth: number): string {
  if (!needsOwn(type)) return `to_json(${sql})::VARCHAR`;
  if ('keyType' in type) return mapJson(sql, type, depth);
  if ('entryNames' in type)
    return `CASE WHEN ${sql} IS NOT NULL THEN ${objectJson(
      type.entryNames.map((name, i) => [
        name,
        valueJson(`struct_extract(${sql}, ${literal(name)})`, entryType(type.entryTypes, i), depth),
      ]),
    )} END`;
  if ('valueType' in type) {
    const item = `item${depth}`;
    const json = orNull(valueJson(item, type.valueType, depth + 1));
    return `('[' || array_to_string(list_transform(${sql}, lambda ${item}: ${json}), ',') || ']')`;
  }
  if (isTime(type)) return `('"' || ${isoTime(sql, type)} || '"')`;
  return doubleJson(sql);
}

function mapJson(
  sql: string,
  { keyType, valueType }: Extract<DuckDBType, { keyType: unknown }>,
  depth: number,
): string {
  const entry = `item${depth}`;
  const key = isTime(keyType) ? isoTime(`${entry}.key`, keyType) : `${entry}.key::VARCHAR`;
  const member = `to_json(${key})::VARCHAR || ':' || ${orNull(valueJson(`${entry}.value`, valueType, depth + 1))}`;
  return `('{' || array_to_string(list_transform(map_entries(${sql}), lambda ${entry}: ${member}), ',') || '}')`;
}

function entryType(types: readonly DuckDBType[], i: number): DuckDBType {
  const type = types[i];
  if (type === undefined) throw new Error('DuckDB gives a field of a struct no type');
  return type;
}

/** Whether `to_json` writes something of it otherwise than an event holds it. */
function needsOwn(type: DuckDBType): boolean {
  if ('keyType' in type) return isTime(type.keyType) || needsOwn(type.valueType);
  if ('entryTypes' in type) return type.entryTypes.some(needsOwn);
  if ('valueType' in type) return needsOwn(type.valueType);
  return isTime(type) || /^(DOUBLE|FLOAT)$/.test(type.toString());
}

function isTime(type: DuckDBType): boolean {
  return type.toString().startsWith('TIMESTAMP');
}

function isoTime(sql: string, type: DuckDBType): string {
  const isNanos = type.toString() === 'TIMESTAMP_NS';
  const time = isNanos ? sql : `${sql}::TIMESTAMP`;
  const isWholeMs = isNanos ? `epoch_ns(${time}) % 1000000 = 0` : `epoch_us(${time}) % 1000 = 0`;
  return `CASE WHEN NOT isfinite(${sql}::TIMESTAMP) THEN ${sql}::VARCHAR WHEN ${isWholeMs}
    THEN strftime(${sql}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%gZ') ELSE replace((${time})::VARCHAR, ' ', 'T') || 'Z' END`;
}

function doubleJson(sql: string): string {
  const named = (name: Parameters<typeof nonFiniteJson>[0]) => literal(nonFiniteJson(name));
  return `CASE WHEN isfinite(${sql}) THEN to_json(${sql})::VARCHAR WHEN isnan(${sql}) THEN ${named('NaN')}
    WHEN ${sql} > 0 THEN ${named('Infinity')} WHEN ${sql} < 0 THEN ${named('-Infinity')} END`;
}
