import { isDeepStrictEqual } from 'node:util';

/** A value of a result. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

/** Zero has one sign. */
function withoutSign(value: Value): Value {
  return value === 0 ? 0 : value;
}

/** Whether two results are the same, to the bit. */
export function isEqual(expected: Value, actual: Value): boolean {
  return isDeepStrictEqual(withoutSign(expected), withoutSign(actual));
}

/** Whether a number or its text is the same decimal as DuckDB's text of it, to the last digit. */
export function isSameDecimal(expected: Value, actual: Value): boolean {
  if (expected === null || actual === null) return expected === actual;
  return shortest(String(expected)) === shortest(String(actual));
}

function shortest(decimal: string): string {
  const short = decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
  return short === '-0' ? '0' : short;
}

/**
 * Whether a double is DuckDB's within its rounding: `error` times the size of the numbers that were added, to a power
 * (squares are added for a variance).
 * @param expected `{ value, scale }`
 */
export function isClose(expected: Value, actual: Value, error: number, power: number): boolean {
  const { value, scale } = expected as { readonly value: number | null; readonly scale: number | null };
  if (value === null || typeof actual !== 'number') return value === actual;
  return Math.abs(value - actual) <= error * Math.max(Math.abs(value), (scale ?? 0) ** power);
}

/** Whether a number is another one, within a share of it or a distance. */
export function isWithin(expected: Value, actual: Value, share: number, distance: number): boolean {
  if (typeof expected !== 'number' || typeof actual !== 'number') return expected === actual;
  return Math.abs(expected - actual) <= Math.max(share * Math.abs(expected), distance);
}
