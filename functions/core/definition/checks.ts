import { argumentError, TidemarkError } from '../arguments/error.ts';
import { isoTime } from '../events/event-time.ts';
import type { WindowKind } from '../windows/window.ts';

/**
 * The names that every JavaScript object has. A field with such a name would seem to be there when an event lacks it. A
 * query with such a name that was never seen would have counters.
 */
export const inheritedNames = Object.getOwnPropertyNames(Object.prototype);

/**
 * A moment that divides the windows into those before it and those after it.
 * @throws TidemarkError when a window goes across it
 */
export function windowEdge(field: string, time: number, window: WindowKind): number {
  const slice = window.sliceOf(time);
  if (slice === time) return time;
  throw argumentError(
    field,
    isoTime(time),
    `is not an edge of ${window.label} windows: give one, such as ${isoTime(slice)}`,
  );
}

/**
 * Refuses unknown settings. A setting that vanished without notice, `idel` or Flink's `allowedLateness`, would be found
 * out much too late. Bundling checks no types.
 */
export function onlyKnown(field: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw argumentError(`${field}.${unknown}`, unknown, `is not a setting: use ${known.join(', ')}`);
}

/** Whether a value has functions of these names. */
export function hasFunctions(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' && value !== null && names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

/** @param remedy what to write for a part of a definition that is missing */
export function required<T>(field: string, value: T | undefined | null, remedy: string): T {
  if (value === undefined || value === null) throw new TidemarkError(`${field} is missing: write ${remedy}`);
  return value;
}

/** @throws TidemarkError when a value is not a set of settings by name */
export function settings<T extends object>(field: string, value: T | undefined | null, form: string): T {
  const given = required(field, value, form.replace(/^.*?: (?:write|give) /, ''));
  if (typeof given !== 'object' || Array.isArray(given)) throw argumentError(field, given, `is not ${form}`);
  return given;
}
