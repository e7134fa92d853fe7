import { isObject, type Json, type JsonObject, listOf, objectsOf } from './json.ts';
import { requireNothing, Unsupported } from './unsupported.ts';
import type { Vector } from './vector.ts';

/** The fields asked of each window of one answer: names only, the union over all windows that `expect` shows. */
export interface WindowShape {
  readonly fields: readonly string[];
  readonly aggregates: readonly string[];
}

/**
 * The fields of a window that the runner can show, besides the group-by fields. `values` are the records. The rest
 * distinguishes panes.
 */
const windowFields = ['start', 'end', 'aggregates', 'values', 'index', 'timing', 'first', 'final', 'outputTime'];

/**
 * The fields of the windows of an answer. Where `expect` shows no window at all, they are bounds, key and aggregates,
 * so that a superfluous window is seen.
 * @throws Unsupported for a field without a counterpart in Tidemark
 */
export function windowShape(field: string, windows: Json | undefined, vector: Vector): WindowShape {
  const shown = objectsOf(windows);
  const fields = [...new Set(shown.flatMap((window) => Object.keys(window)))];
  requireNothing(
    fields
      .filter((name) => !windowFields.includes(name) && !vector.groupBy.includes(name))
      .filter((name) => name !== 'offset' || vector.offsets === undefined)
      .filter((name) => name !== 'time' || vector.window?.['type'] !== 'none')
      .map((name) => `expect.${field} ${name}`),
  );
  const aggregates = [
    ...new Set(shown.flatMap(({ aggregates: names }) => (isObject(names) ? Object.keys(names) : []))),
  ];
  if (fields.length > 0) return { fields, aggregates };
  return {
    fields: ['start', 'end', ...vector.groupBy, 'aggregates'],
    aggregates: vector.aggregates.length > 0 ? vector.aggregates : ['count'],
  };
}

/** Every aggregate that a vector names: its own, and those in what it expects. */
export function aggregateNames(vector: Vector): readonly string[] {
  const names = new Set(vector.aggregates);
  const visit = (value: Json | undefined): void => {
    if (!isObject(value)) {
      for (const element of listOf(value)) visit(element);
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      if (name === 'aggregates' && isObject(inner)) for (const aggregate of Object.keys(inner)) names.add(aggregate);
      else visit(inner);
    }
  };
  visit(vector.expect);
  return names.size === 0 ? ['count'] : [...names];
}

/** An entry of `expect` that asks about one step. */
export interface StepQuestion {
  readonly step: number;
  /** Names of its fields besides `afterStep`. */
  readonly fields: readonly string[];
  readonly entry: JsonObject;
}

/**
 * The steps that are asked about. `afterStep` belongs to the question. The rest of an entry belongs to the answer, and
 * only its names are read.
 * @throws Unsupported for an entry without a step, or a field that is not among the known
 */
export function stepQuestions(
  field: string,
  entries: Json | undefined,
  known: readonly string[],
): readonly StepQuestion[] {
  return listOf(entries).map((entry) => {
    const { afterStep, ...rest } = isObject(entry) ? entry : {};
    if (typeof afterStep !== 'number' || !isObject(entry)) throw new Unsupported([`expect.${field} without afterStep`]);
    const fields = Object.keys(rest);
    requireNothing(fields.filter((name) => !known.includes(name)).map((name) => `expect.${field} ${name}`));
    return { step: afterStep, fields, entry };
  });
}
