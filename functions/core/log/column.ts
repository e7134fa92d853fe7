import type { Json } from '../aggregates/aggregate.ts';

/**
 * The values of one column, as short JSON:
 * - `[12,7,9]`: the values;
 * - `{"all":1}`: every value is this one;
 * - `{"of":[...]}`: every value is a list of one length; a column for each place in it.
 */
export type Column = Json;

/** Writes a column. The same values always give the same JSON. */
export function packColumn(values: readonly Json[]): Column {
  const [first] = values;
  if (first === undefined || values.length === 1) return values;
  if (typeof first !== 'object' || first === null)
    return values.every((value) => value === first) ? { all: first } : values;
  if (!isList(first) || first.length === 0) return values;
  const lists: (readonly Json[])[] = [];
  for (const value of values) {
    if (!isList(value) || value.length !== first.length) return values;
    lists.push(value);
  }
  return { of: first.map((_, place) => packColumn(lists.map((list) => list[place] ?? null))) };
}

/**
 * The reverse of {@link packColumn}.
 * @param length the number of values
 * @throws when it is not a column of so many values
 */
export function unpackColumn(column: Column, length: number): readonly Json[] {
  if (isList(column) && column.length === length) return column;
  if (typeof column === 'object' && column !== null && !isList(column)) {
    const { all, of } = column;
    if (all !== undefined) return new Array<Json>(length).fill(all);
    if (isList(of)) {
      const places = of.map((place) => unpackColumn(place, length));
      return Array.from({ length }, (_, row) => places.map((values) => values[row] ?? null));
    }
  }
  throw new Error(`not a column of ${length} values: ${(JSON.stringify(column) ?? typeof column).slice(0, 80)}`);
}

function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}
