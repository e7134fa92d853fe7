import { canonicalJson } from '../../core/aggregates/canonical-json.ts';
import type { Json } from '../../core/aggregates/index.ts';
import type { Attribute } from './table.ts';

/**
 * Levels of a result that is stored as a structure; deeper ones are stored as text. DynamoDB takes 32 levels, and the
 * item and its rows use some of them.
 */
const mostLevels = 8;

/**
 * A result as the table has it: plain, readable in the console. DynamoDB's numbers end at 9.99e125 and 1e-130. Doubles
 * beyond are text in a map of their own, `{ double }`. Every structure that a table would change or refuse is text too,
 * `{ json }`.
 */
export function storedResult(value: Json): Attribute {
  if (typeof value === 'number') return isPlainNumber(value) ? value : { double: String(value) };
  if (typeof value !== 'object' || value === null) return value;
  const isOurs = 'double' in value || 'json' in value;
  return !isOurs && isPlain(value, mostLevels) ? (value as Attribute) : { json: JSON.stringify(value) };
}

/**
 * The reverse of {@link storedResult}. A table keeps no order of members. They come in the order of their names, as in
 * every structured result.
 */
export function resultOf(stored: Attribute | undefined): Json {
  if (typeof stored !== 'object' || stored === null) return stored ?? null;
  if ('double' in stored) return Number(stored.double);
  if ('json' in stored) return JSON.parse(String(stored.json)) as Json;
  return canonicalJson(stored as Json);
}

function isPlainNumber(value: number): boolean {
  return value === 0 || (Math.abs(value) >= 1e-130 && Math.abs(value) < 1e125);
}

function isPlain(value: Json, levels: number): boolean {
  if (typeof value === 'number') return isPlainNumber(value);
  if (typeof value === 'string') return !/\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  return Object.entries(value).every(
    ([name, member]) => name !== '' && name !== '__proto__' && isPlain(member, levels - 1),
  );
}
