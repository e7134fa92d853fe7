import { valueText } from '../arguments/error.ts';
import { ambiguity, isAmbiguous } from './exact-number.ts';

/** A value of a group-by field. JSON tells its values apart. */
export type GroupValue = string | number | boolean | null;

/**
 * A group key as text: the JSON array of its values, `["Open"]`; `[]` for a query without group-by. Equal keys have
 * equal text.
 */
export type KeyText = string;

/** Longest key, in bytes of its text as UTF-8: many keys share an item, and a write unit is a kilobyte. */
export const longestKeyBytes = 1024;

/**
 * JSON can escape it, but a table cannot hold it. Two such keys would differ while their window is open and be one
 * after it.
 */
const loneSurrogate = /\p{Surrogate}/u;

/** A group key, or the reason why an event has none. */
export type GroupKey = KeyText | { readonly refused: string };

/** The function that finds the value of one group-by field. */
export type GroupSelector<Event> = (event: Event) => GroupValue | undefined;

/** The function from an event to its key. Undefined counts as null, as a missing JSON field does in SQL. */
export function keyReader<Event>(
  fields: readonly (readonly [name: string, select: GroupSelector<Event>])[],
): (event: Event) => GroupKey {
  const [only] = fields;
  if (only === undefined) return () => '[]';
  if (fields.length > 1) return (event) => keyOf(fields.map(([name, select]) => [name, select(event)]));
  // Most queries group by one field of few values; remembering their keys saves most of a fold's time. The memory is
  // bounded, as values may be many.
  const known = new Map<string, KeyText>();
  const [name, select] = only;
  return (event) => {
    const value = select(event);
    if (typeof value !== 'string') return keyOf([[name, value]]);
    const key = known.get(value);
    if (key !== undefined) return key;
    const fresh = keyOf([[name, value]]);
    // A refused value may be a megabyte long, so it is not remembered.
    if (typeof fresh !== 'string') return fresh;
    if (known.size >= 10_000) known.clear();
    known.set(value, fresh);
    return fresh;
  };
}

function keyOf(fields: readonly (readonly [name: string, value: GroupValue | undefined])[]): GroupKey {
  for (const [name, value] of fields) {
    const kind = typeof value;
    if (typeof value === 'number' && isAmbiguous(value))
      return { refused: `group-by field ${name}: ${ambiguity(value)}` };
    if (typeof value === 'string' && loneSurrogate.test(value))
      return {
        refused: `group-by field ${name}: ${valueText(value)} holds half of a surrogate pair, which UTF-8 cannot`,
      };
    if (
      value === null ||
      value === undefined ||
      kind === 'string' ||
      kind === 'boolean' ||
      (kind === 'number' && Number.isFinite(value))
    )
      continue;
    return { refused: `group-by field ${name}: ${valueText(value)} is not text, a finite number, a boolean or null` };
  }
  const text = JSON.stringify(fields.map(([, value]) => value ?? null));
  // No character takes more than three bytes for each of its UTF-16 units.
  if (text.length * 3 > longestKeyBytes && new TextEncoder().encode(text).length > longestKeyBytes)
    return { refused: `group key of more than ${longestKeyBytes} bytes` };
  return text;
}

/** The values of a key, in the order of the query's group-by fields. */
export function keyValues(key: KeyText): readonly GroupValue[] {
  return JSON.parse(key) as GroupValue[];
}

const typeOrder: Readonly<Record<string, number>> = { object: 0, boolean: 1, number: 2, string: 3 };

/** Order of keys in results: field by field; null, then booleans, numbers by value, text by code unit. */
export function compareKeys(left: readonly GroupValue[], right: readonly GroupValue[]): number {
  for (let i = 0; i < left.length; i++) {
    const a = left[i] ?? null;
    const b = right[i] ?? null;
    if (a === b) continue;
    const types = (typeOrder[typeof a] ?? 0) - (typeOrder[typeof b] ?? 0);
    if (types !== 0) return types;
    return Number((a as number) > (b as number)) - Number((a as number) < (b as number));
  }
  return 0;
}
