import { checkedFunction } from '../arguments/checked-function.ts';
import { argumentError } from '../arguments/error.ts';
import { ambiguity, isAmbiguous } from '../events/exact-number.ts';
import type { Enriched, LookupKey } from './enriched.ts';
import { isTableName, type LookupRows, type LookupTable, type TableLookup } from './lookup-table.ts';

/**
 * The treatment of an event whose key is not in the rows: its fields are null (a left join), it is filtered (an inner
 * join), or it is rejected.
 */
export type UnknownKey = 'null' | 'filter' | 'reject';

/**
 * Fields for events from rows that do not move, for `enrich`, as {@link lookup} gives it. The types say which fields the event must have, and which
 * it has afterwards.
 */
export interface Lookup<Event, Added> {
  /** Pure: the rows are part of the pipeline, and so of its deployment. An error of the key's function is thrown on. */
  readonly enrich: (event: unknown) => Enriched;
  /**
   * The field of the event that holds the key, where it was given by name, and the fields that events get. Undefined
   * where they are not known.
   */
  readonly eventField?: string | undefined;
  readonly adds?: readonly string[];
  /** For the types only. */
  readonly types?: (event: Event) => Added;
}

/** The fields that events get from rows of {@link lookup}, and the treatment of unknown keys. */
export interface LookupOptions<Field extends string, Unknown extends UnknownKey> {
  /** The fields that an event gets. @default all but the key's */
  readonly fields?: readonly Field[];
  /** The treatment of an event whose key is not in the rows. @default 'null' */
  readonly unknown?: Unknown;
}

/** The fields that events get: with null for unknown keys, or as the rows have them. */
type Added<Row, Field extends keyof Row, Unknown extends UnknownKey> = {
  readonly [Name in Field]: Unknown extends 'null' ? Row[Name] | null : Row[Name];
};

/** Where the key is, when the event and the rows do not have it under one name. */
export interface KeyOf<Event, Name extends string> {
  /**
   * The event's key. Null or undefined: the event has none, and is treated as one whose key is not in the rows. Must be
   * pure, and has to say its event's type.
   */
  readonly of: (event: Event) => LookupKey | null | undefined;
  /** The field of the rows. */
  readonly in: Name;
}

/** The fields of a table's rows that events get, and the treatment of unknown keys. */
export interface TableLookupOptions<Field extends string, Unknown extends UnknownKey>
  extends LookupOptions<Field, Unknown> {
  /**
   * The fields that an event gets, null where its row lacks one. They have to be named, because the rows are not here
   * to tell.
   */
  readonly fields: readonly Field[];
}

/**
 * Gives events the fields of the row that has their key. The rows are those of a file that the pipeline imports
 * (`import devices from './devices.json'`), or of any list of objects. They go with the code into the deployment, so
 * that every retry of a batch sees the same; other rows are another deployment. Or they are those of a
 * `table('devices')`, which change while the pipeline stays: an event gets those of the version that held when it
 * arrived.
 * @example
 * lookup([{ deviceId: 'a', site: 'Berlin' }], 'deviceId'); // adds site: text, or null for an unknown device
 * lookup(table('products'), 'productId', { fields: ['price'], unknown: 'reject' });
 * @param key a field that both have, or `{ of: (event: ...) => ..., in: 'id' }`
 * @throws TidemarkError that names a row without a key, or with one that another row has too
 */
export function lookup<
  Row extends object,
  const Name extends keyof Row & string,
  const Field extends keyof Row & string,
  const Unknown extends UnknownKey = 'null',
>(
  table: LookupTable<Row>,
  key: Name,
  options: TableLookupOptions<Field, Unknown>,
): TableLookup<{ readonly [Key in Name]?: LookupKey | null | undefined }, Added<Row, Field, Unknown>>;
export function lookup<
  Event,
  Row extends object,
  const Name extends keyof Row & string,
  const Field extends keyof Row & string,
  const Unknown extends UnknownKey = 'null',
>(
  table: LookupTable<Row>,
  key: KeyOf<Event, Name>,
  options: TableLookupOptions<Field, Unknown>,
): TableLookup<Event, Added<Row, Field, Unknown>>;
export function lookup<
  Event,
  Row extends object,
  const Name extends keyof Row & string,
  const Field extends keyof Row & string = Exclude<keyof Row & string, Name>,
  const Unknown extends UnknownKey = 'null',
>(
  rows: readonly Row[],
  key: KeyOf<Event, Name>,
  options?: LookupOptions<Field, Unknown>,
): Lookup<Event, Added<Row, Field, Unknown>>;
// The compiler's messages are about the last overload: rows and the name of a field.
export function lookup<
  Row extends object,
  const Name extends keyof Row & string,
  const Field extends keyof Row & string = Exclude<keyof Row & string, Name>,
  const Unknown extends UnknownKey = 'null',
>(
  rows: readonly Row[],
  key: Name,
  options?: LookupOptions<Field, Unknown>,
): Lookup<{ readonly [Key in Name]?: LookupKey | null | undefined }, Added<Row, Field, Unknown>>;
export function lookup(
  rows: readonly object[] | LookupTable<object>,
  key: string | KeyOf<never, string>,
  { fields, unknown = 'null', ...rest }: LookupOptions<string, UnknownKey> = {},
): Lookup<never, unknown> | TableLookup<never, unknown> {
  const strange = Object.keys(rest)[0];
  if (strange !== undefined) throw argumentError(`enrich.${strange}`, strange, 'is not a setting: use fields, unknown');
  if (!(['null', 'filter', 'reject'] as const).includes(unknown))
    throw argumentError('enrich.unknown', unknown, "is none of 'null', 'filter' and 'reject': use one");
  const { name, of } = checkedKey(key);
  const eventField = typeof key === 'string' ? key : undefined;
  if (isTable(rows)) {
    const names = tableFields(fields);
    return {
      table: rows.table,
      key: name,
      eventField,
      adds: names,
      enrichFrom: (rowsAt) => (event, arrivalMs) =>
        enriched(event, of(event), { name, names, unknown }, (text) => picked(rowsAt(arrivalMs)?.get(text), names)),
    };
  }
  const table = rowsByKey('enrich.rows', rows, name);
  const names = checkedFields(fields, rows, name);
  const added = new Map([...table].map(([text, row]) => [text, picked(row, names)]));
  return {
    eventField,
    adds: names,
    enrich: (event) => enriched(event, of(event), { name, names, unknown }, (text) => added.get(text)),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function picked(row: object | undefined, names: readonly string[]): Fields | undefined {
  if (row === undefined) return undefined;
  return Object.fromEntries(
    names.map((field) => [field, Object.hasOwn(row, field) ? (Reflect.get(row, field) ?? null) : null]),
  );
}

/** The outcome for an event that has this value for a key. */
function enriched(
  event: unknown,
  value: unknown,
  { name, names, unknown }: { readonly name: string; readonly names: readonly string[]; readonly unknown: UnknownKey },
  find: (text: string) => Fields | undefined,
): Enriched {
  if (typeof value === 'number' && !isKey(value))
    return {
      outcome: 'unknown',
      detail: Number.isFinite(value) ? `${name}: ${ambiguity(value)}` : `${name} is ${value}`,
    };
  const found = value === null || value === undefined ? undefined : find(keyText(value));
  if (found !== undefined) return { outcome: 'enriched', event: { ...Object(event), ...found } };
  if (unknown === 'null')
    return {
      outcome: 'enriched',
      event: { ...Object(event), ...Object.fromEntries(names.map((field) => [field, null])) },
    };
  return unknown === 'filter'
    ? { outcome: 'filtered' }
    : { outcome: 'unknown', detail: `no row has ${name} ${keyText(value ?? null)}` };
}

function isTable(rows: readonly object[] | LookupTable<object>): rows is LookupTable<object> {
  return typeof rows === 'object' && rows !== null && 'table' in rows && isTableName(rows.table);
}

function tableFields(fields: unknown): readonly string[] {
  if (Array.isArray(fields) && fields.length > 0 && fields.every((field) => typeof field === 'string' && field !== ''))
    return fields;
  throw argumentError(
    'enrich.fields',
    fields,
    'is not a list of fields: name those that events get, for the rows of a table are not here to tell',
  );
}

function checkedKey(key: string | KeyOf<never, string>): {
  readonly name: string;
  readonly of: (event: unknown) => unknown;
} {
  if (typeof key === 'string')
    return {
      name: key,
      of: (event) => (typeof event === 'object' && event !== null ? Reflect.get(event, key) : undefined),
    };
  if (typeof key !== 'object' || key === null || typeof key.in !== 'string')
    throw argumentError(
      'enrich.key',
      key,
      "is not a key: write the field that events and rows have, or { of: (event) => event.device, in: 'id' }",
    );
  return { name: key.in, of: checkedFunction('enrich.key.of', key.of) };
}

/**
 * Rows by the JSON of their key.
 * @param field where the rows are, for the message
 * @throws TidemarkError that names a row without a key, or with one that another row has too
 */
export function rowsByKey(field: string, rows: readonly object[], name: string): LookupRows {
  if (!Array.isArray(rows))
    throw argumentError(
      field,
      rows,
      "are not rows: give a list of objects, such as what import devices from './devices.json' gives",
    );
  const table = new Map<string, object>();
  for (const [i, row] of rows.entries()) {
    if (typeof row !== 'object' || row === null)
      throw argumentError(`${field}[${i}]`, row, 'is not a row: give an object');
    const key: unknown = Object.hasOwn(row, name) ? Reflect.get(row, name) : undefined;
    if (typeof key === 'number' && isAmbiguous(key))
      throw argumentError(`${field}[${i}].${name}`, key, 'is beyond 2^53, and has lost digits: write it as text');
    if (!isKey(key))
      throw argumentError(
        `${field}[${i}].${name}`,
        key,
        'is not a key: give each row a text, a number or a truth by which it is found',
      );
    if (table.has(keyText(key)))
      throw argumentError(`${field}[${i}].${name}`, key, 'is the key of a row before it, too: leave one of them');
    table.set(keyText(key), row);
  }
  return table;
}

function checkedFields(
  fields: readonly string[] | undefined,
  rows: readonly object[],
  name: string,
): readonly string[] {
  const known = new Set(rows.flatMap((row) => Object.keys(row)));
  const names = fields ?? [...known].filter((field) => field !== name);
  if (!Array.isArray(names)) throw argumentError('enrich.fields', fields, 'is not a list of fields: give their names');
  for (const field of names) {
    if (typeof field !== 'string' || !known.has(field))
      throw argumentError('enrich.fields', field, `is in no row: use ${[...known].join(', ')}`);
  }
  return names;
}

function isKey(value: unknown): value is LookupKey {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value) && !isAmbiguous(value))
  );
}

function keyText(key: unknown): string {
  return JSON.stringify(key) ?? 'null';
}
