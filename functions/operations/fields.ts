import { gunzipSync } from 'node:zlib';
import { argumentError } from '../core/arguments/error.ts';
import type { SidePlace } from '../state/items/side-place.ts';
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

/** A number of things. @throws TidemarkError when it is not one */
export function parseCount(fields: Fields, name: string): number {
  const count = fields[name];
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
  throw argumentError(name, count, 'is not a number of things: give 0 or more');
}

/** A time that may be left out. @throws TidemarkError when it is something else */
export function parseOptionalTime(fields: Fields, name: string): number | undefined {
  return fields[name] === undefined ? undefined : parseTime(fields, name);
}

/** A place in the side output that may be left out. @throws TidemarkError when it is something else */
export function parsePlace(fields: Fields, name: string): SidePlace | undefined {
  const place = fields[name];
  if (place === undefined) return undefined;
  const [shardId, hour, key, ...rest]: readonly unknown[] = Array.isArray(place) ? place : [];
  if (typeof shardId === 'string' && Number.isSafeInteger(hour) && typeof key === 'string' && rest.length === 0)
    return [shardId, hour as number, key];
  throw argumentError(name, place, 'is not the progress of an answer: give it as it came, or leave it out to begin');
}

/** The JSON in a text that is compressed with gzip, in Base64; undefined when it is not such a text. */
export function unpackedJson(packed: unknown): unknown {
  try {
    return JSON.parse(gunzipSync(Buffer.from(String(packed), 'base64')).toString());
  } catch {
    return undefined;
  }
}
