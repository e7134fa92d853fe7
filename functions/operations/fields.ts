import { gunzipSync } from 'node:zlib';
import { argumentError } from '../core/arguments/error.ts';
import type { Fields } from './operation.ts';

/** A query with its version. */
export interface QueryFields {
  /** A name with a version, such as `actionsPerHour@2`. */
  readonly query: string;
}

/** The query of a request. @throws TidemarkError when there is none */
export function parseQuery({ query }: Fields): string {
  if (typeof query === 'string') return query;
  throw argumentError(
    'query',
    query,
    'is not the name of a query: give one with its version, such as "actionsPerHour@2"',
  );
}

/** A time, epoch ms. @throws TidemarkError when it is not one */
export function parseTime(fields: Fields, name: string): number {
  const time = fields[name];
  if (typeof time === 'number' && Number.isSafeInteger(time)) return time;
  throw argumentError(name, time, 'is not a time: give epoch milliseconds');
}

/** A time that may be left out. @throws TidemarkError when it is something else */
export function parseOptionalTime(fields: Fields, name: string): number | undefined {
  return fields[name] === undefined ? undefined : parseTime(fields, name);
}

/** The JSON in a text that is compressed with gzip, in Base64; undefined when it is not such a text. */
export function unpackedJson(packed: unknown): unknown {
  try {
    return JSON.parse(gunzipSync(Buffer.from(String(packed), 'base64')).toString());
  } catch {
    return undefined;
  }
}
