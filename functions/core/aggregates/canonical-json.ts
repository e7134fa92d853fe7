import type { Json } from './aggregate.ts';

/**
 * JSON with the members of its objects in the order of their names, at every depth. A table keeps no order; so equal
 * results are equal bytes.
 */
export function canonicalJson(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(canonicalJson);
  return Object.fromEntries(
    Object.entries(json)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, value]) => [name, canonicalJson(value)]),
  );
}
