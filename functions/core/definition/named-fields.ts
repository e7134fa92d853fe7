import type { AnyAggregate } from '../aggregates/index.ts';
import { aggregateKinds } from '../aggregates/index.ts';
import { TidemarkError, valueText } from '../arguments/error.ts';
import type { SchemaFields } from './schema-fields.ts';

/** A field of the event that a definition names, and where: `queries.perHour.groupBy`, `groupBy: ['action']`. */
export interface NamedField {
  readonly name: string;
  readonly place: string;
  /** The definition's own words: `sum('amount')`. */
  readonly use: string;
}

/** Aggregates that add up text which holds a number; the others of {@link numeric} take numbers alone. */
const ofAmounts = ['sum', 'avg'];
const numeric = [...ofAmounts, 'min', 'max', 'stddev', 'variance', 'percentiles', 'histogram'];

/** The fields that an aggregate names. */
export function fieldsOfAggregate(
  place: string,
  { kind, field, parameters }: Pick<AnyAggregate<never>, 'kind' | 'field' | 'parameters'>,
): readonly NamedField[] {
  if (!Object.hasOwn(aggregateKinds, kind)) return [];
  // argMin and argMax name a second one.
  const by = /^by (.+)$/.exec(parameters ?? '')?.[1];
  const names = [field, by].filter((name) => name !== undefined);
  const use = `${kind}(${names.map((name) => `'${name}'`).join(', ')})`;
  return names.map((name) => ({ name, place, use }));
}

/**
 * Refuses a name that no event can have, and suggests the name that was meant.
 * @param fields of the events; undefined where they are not known
 */
export function checkNamed(fields: SchemaFields | undefined, { name, place, use }: NamedField): void {
  if (fields === undefined || fields.has(name)) return;
  const names = [...fields.keys()];
  const near = nearest(name, names);
  const remedy = near === undefined ? `name one of ${names.join(', ') || 'its fields'}` : `did you mean '${near}'?`;
  throw new TidemarkError(`${place}: ${use}: ${valueText(name)} is not a field of the event: ${remedy}`);
}

/** Refuses an aggregate of numbers over a field that never holds one. */
export function checkNumeric(
  fields: SchemaFields | undefined,
  { name, place, use }: NamedField,
  { kind }: Pick<AnyAggregate<never>, 'kind' | 'field' | 'parameters'>,
): void {
  const kinds = fields?.get(name);
  if (kinds === undefined || kinds.size === 0 || !numeric.includes(kind)) return;
  const takesText = ofAmounts.includes(kind);
  if (kinds.has('any') || kinds.has('number') || (takesText && kinds.has('text'))) return;
  throw new TidemarkError(
    `${place}: ${use}: ${valueText(name)} is ${takesText ? 'neither a number nor text that holds one' : 'not a number'} in the event's schema: name a field of numbers, or let the schema make a number of it`,
  );
}

/** The name that was meant, if one is near: at most one edit for each three letters, regardless of case. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((other) => ({ other, edits: editsBetween(name.toLowerCase(), other.toLowerCase()) }))
    .sort((left, right) => left.edits - right.edits);
  return best !== undefined && best.edits <= Math.max(1, Math.ceil(name.length / 3)) ? best.other : undefined;
}

/** Levenshtein's distance, in which a swap of neighbours counts once. */
function editsBetween(left: string, right: string): number {
  let before: number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, i) => i);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const differs = left[i - 1] === right[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + differs,
          swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = row;
    row = next;
  }
  return row[right.length] ?? 0;
}
