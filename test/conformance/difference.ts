import { isObject, type Json } from './json.ts';

/**
 * Fields that are not asserted, and the relative tolerance for averages. Spark's row counts of its state are internal
 * to it.
 */
const notAsserted = ['state'];
const tolerance = 1e-5;

/** Lists whose order is asserted. The peers give all other lists in any order. */
const ordered = ['countsInStartOrder', 'keptValues', 'merge'];

/**
 * The first difference between an answer and the expectation, in words; undefined when the answer has everything that
 * is expected. Additional fields are not a difference.
 */
export function differenceOf(expected: Json | undefined, actual: Json | undefined, path = ''): string | undefined {
  if (Array.isArray(expected)) return listDifference(expected, actual, path);
  if (isObject(expected)) {
    if (!isObject(actual)) return differs(path, expected, actual);
    for (const [name, value] of Object.entries(expected)) {
      if (path === '' && notAsserted.includes(name)) continue;
      const difference = differenceOf(value, actual[name], path === '' ? name : `${path}.${name}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (typeof expected === 'number' && typeof actual === 'number')
    return Math.abs(expected - actual) <= (Number.isInteger(expected) ? 0 : Math.abs(expected) * tolerance)
      ? undefined
      : differs(path, expected, actual);
  return expected === actual ? undefined : differs(path, expected, actual);
}

function listDifference(expected: readonly Json[], actual: Json | undefined, path: string): string | undefined {
  if (!Array.isArray(actual)) return differs(path, expected, actual);
  if (expected.length !== actual.length) return differs(path, expected, actual);
  if (ordered.includes(path) || expected.every((element) => typeof element !== 'object' || element === null)) {
    for (const [at, element] of expected.entries()) {
      const difference = differenceOf(element, actual[at], `${path}[${at}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return unorderedDifference(expected, actual, path);
}

/**
 * The first difference between lists without an order. Each expected element takes one actual element. A pair that
 * names the same step or window describes a difference best.
 */
function unorderedDifference(expected: readonly Json[], actual: readonly Json[], path: string): string | undefined {
  const left = [...actual];
  for (const [at, element] of expected.entries()) {
    const found = left.findIndex((candidate) => differenceOf(element, candidate, `${path}[${at}]`) === undefined);
    if (found < 0) {
      const like = left.find(
        (candidate) =>
          isObject(element) &&
          isObject(candidate) &&
          'afterStep' in element &&
          element['afterStep'] === candidate['afterStep'],
      );
      return (
        (like === undefined ? undefined : differenceOf(element, like, `${path}[${at}]`)) ??
        differs(`${path}[${at}]`, element, left)
      );
    }
    left.splice(found, 1);
  }
  return undefined;
}

function differs(path: string, expected: Json | undefined, actual: Json | undefined): string {
  return `${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
}
