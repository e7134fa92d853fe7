/** A value as `JSON.parse` returns it. Vectors come from unchecked files, so each use narrows it. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as a list; a value that is not a list becomes an empty one. */
export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** The elements that are objects. */
export function objectsOf(value: Json | undefined): readonly JsonObject[] {
  return listOf(value).filter(isObject);
}

/** The settings of an object. A setting that is null is one that is not given. */
export function present(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

/** The fields of an object that are not among the known ones, as `prefix.field`. */
export function unknownFields(prefix: string, object: JsonObject, known: readonly string[]): readonly string[] {
  return Object.keys(object)
    .filter((name) => !known.includes(name))
    .map((name) => `${prefix}.${name}`);
}
