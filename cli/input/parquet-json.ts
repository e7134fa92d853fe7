import type { DuckDBType } from '@duckdb/node-api';
import { nonFiniteJson } from '../../functions/core/events/event-json.ts';
import { identifier, literal } from '../results/duckdb.ts';

/** A column of a file, or a part of one, under the name that the file gives it. */
export interface ParquetField {
  readonly name: string;
  readonly fields: readonly ParquetField[];
}

/** A column in the form that an event has it, and in the form that DuckDB has it. */
export interface ParquetColumn {
  readonly field: ParquetField;
  /** Its name for DuckDB. */
  readonly column: string;
  readonly type: DuckDBType;
}

/**
 * The SQL of a row's JSON. Whole numbers and decimals have all their digits. Times, at any depth, are ISO 8601 in UTC,
 * in whole milliseconds unless there are more digits. A time without a zone is UTC. NaN and the infinities are as
 * `parseEvent` reads them. All other values are as DuckDB's `to_json` has them.
 */
export function rowJson(columns: readonly ParquetColumn[]): string {
  return objectJson(
    columns.map(({ field, column, type }) => [
      field.name,
      valueJson({ sql: identifier(column), type, field, depth: 0 }),
    ]),
  );
}

/** A value in SQL. */
interface Value {
  readonly sql: string;
  readonly type: DuckDBType;
  /** The field of the file: the value's own, or one around it that holds nothing else. */
  readonly field: ParquetField;
  /** The number of lists and maps around the value: each has a variable of its own. */
  readonly depth: number;
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

/** The SQL of a value's JSON as text, NULL for NULL. */
function valueJson(value: Value): string {
  const { sql, type, field, depth } = value;
  if (!needsOwn(type)) return `to_json(${sql})::VARCHAR`;
  if ('keyType' in type) return mapJson(value, type);
  if ('entryNames' in type) return structJson(value, type);
  if ('valueType' in type) {
    const item = `item${depth}`;
    const json = orNull(valueJson({ sql: item, type: type.valueType, field, depth: depth + 1 }));
    return `('[' || array_to_string(list_transform(${sql}, lambda ${item}: ${json}), ',') || ']')`;
  }
  if (isTime(type)) return `('"' || ${isoTime(sql, type)} || '"')`;
  return doubleJson(sql);
}

function structJson(
  { sql, field, depth }: Value,
  { entryNames, entryTypes }: Extract<DuckDBType, { entryNames: unknown }>,
): string {
  const own = withFields(field, entryNames.length);
  const members = entryTypes.map((type, i) => {
    const entry = entryNames[i] ?? '';
    const of = own?.fields[i];
    const inner = { sql: `struct_extract_at(${sql}, ${i + 1})`, type, field: of ?? field, depth };
    return [of?.name ?? entry, valueJson(inner)] as const;
  });
  return `CASE WHEN ${sql} IS NOT NULL THEN ${objectJson(members)} END`;
}

function mapJson(
  { sql, field, depth }: Value,
  { keyType, valueType }: Extract<DuckDBType, { keyType: unknown }>,
): string {
  const entry = `item${depth}`;
  const key = isTime(keyType) ? isoTime(`${entry}.key`, keyType) : `${entry}.key::VARCHAR`;
  const of = withFields(field, 2)?.fields[1] ?? field;
  const value = valueJson({ sql: `${entry}.value`, type: valueType, field: of, depth: depth + 1 });
  const member = `to_json(${key})::VARCHAR || ':' || ${orNull(value)}`;
  return `('{' || array_to_string(list_transform(map_entries(${sql}), lambda ${entry}: ${member}), ',') || '}')`;
}

/**
 * The field that has `count` fields in it. It may lie below the one or two fields that Parquet itself puts around the
 * items of a list. Those have one field, as a struct of one has.
 */
function withFields(field: ParquetField, count: number): ParquetField | undefined {
  const [only] = field.fields;
  if (count > 1 && field.fields.length === 1 && only !== undefined) return withFields(only, count);
  return count > 1 && field.fields.length === count ? field : undefined;
}

/** Whether `to_json` writes a part of the type otherwise than an event holds it. */
function needsOwn(type: DuckDBType): boolean {
  // DuckDB renames the fields of structs that differ by case only.
  if ('entryTypes' in type) return true;
  if ('keyType' in type) return isTime(type.keyType) || needsOwn(type.valueType);
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
