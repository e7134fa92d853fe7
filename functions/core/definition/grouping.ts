import { argumentError } from '../arguments/error.ts';

/** Fields to group by with totals over some of them, as {@link rollup} and {@link cube} give it. */
export interface Grouping<Name extends string = string> {
  readonly grouping: 'rollup' | 'cube';
  readonly fields: readonly Name[];
}

/**
 * Most fields of a rollup or cube. A cube has a level of totals for every set of fields: 64 for six of them. Each level
 * goes over all rows of a window.
 */
const mostFields = 6;

/**
 * Groups by fields, with a total for each of their beginnings: `rollup('country', 'city')` has rows by country and
 * city, a total of each country, and the grand total. Totals are made when a window is merged: they cost no state and
 * no write. A row's `grouping` tells a total from a group whose value is null.
 * @example
 * rollup('country', 'city');
 * @throws TidemarkError for no field, and for more than 6
 */
export function rollup<const Name extends string>(...fields: readonly Name[]): Grouping<Name> {
  return grouping('rollup', fields);
}

/**
 * Groups by fields, with a total for every set of them: `cube('country', 'device')` has rows by both, by country, by
 * device, and the grand total. Otherwise as {@link rollup}.
 * @example
 * cube('country', 'device');
 */
export function cube<const Name extends string>(...fields: readonly Name[]): Grouping<Name> {
  return grouping('cube', fields);
}

function grouping<Name extends string>(kind: Grouping['grouping'], fields: readonly Name[]): Grouping<Name> {
  if (fields.length === 0 || fields.length > mostFields)
    throw argumentError(`groupBy: ${kind}`, fields, `has too few or too many fields: give 1 to ${mostFields}`);
  return { grouping: kind, fields };
}

/** Whether a group-by was made by {@link rollup} or {@link cube}. */
export function isGrouping(given: unknown): given is Grouping {
  return (
    typeof given === 'object' &&
    given !== null &&
    'grouping' in given &&
    'fields' in given &&
    Array.isArray(given.fields)
  );
}

/** The positions of the fields that each level of totals keeps, the finest first. */
export function totalLevels({ grouping: kind, fields }: Grouping): readonly (readonly number[])[] {
  const positions = fields.map((_, i) => i);
  if (kind === 'rollup') return positions.map((i) => positions.slice(0, positions.length - 1 - i));
  const sets = Array.from({ length: 2 ** fields.length - 1 }, (_, bits) =>
    positions.filter((i) => (bits & (1 << (fields.length - 1 - i))) !== 0),
  );
  return sets.sort((left, right) => right.length - left.length);
}
