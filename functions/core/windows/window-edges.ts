import { type Duration, durationMs } from '../arguments/duration.ts';
import { argumentError } from '../arguments/error.ts';

/** Options of the windows that lie on a grid from the epoch. */
export interface WindowOptions {
  /** The distance by which every window is moved, of either sign, as Spark's startTime. @default 0 */
  readonly offset?: Duration;
}

/**
 * The offset of a grid, in ms.
 * @param others options that the kind has besides
 * @throws TidemarkError for an offset as long as a step of the grid, and for other options
 */
export function offsetOf(kind: string, options: WindowOptions, stepMs: number, others: readonly string[] = []): number {
  onlyOptions(kind, options, ['offset', ...others], "{ offset: '15 minutes' }");
  return durationMs(`window: ${kind} offset`, options.offset ?? 0, { leastMs: 1 - stepMs, mostMs: stepMs - 1 });
}

/**
 * Checks the options of a kind of windows. @throws TidemarkError when they are not an object, and for an unknown
 * setting
 */
export function onlyOptions(kind: string, options: object, known: readonly string[], form: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw argumentError(`window: ${kind} options`, options, `is not an object: write ${form}`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw argumentError(`window: ${kind} ${unknown}`, unknown, `is not a setting: use ${known.join(', ')}`);
}

/**
 * Whether a distance is a multiple of a step. It is floored, because `%` of a negative time is negative (windows before
 * 1970).
 */
export function isEdge(distance: number, step: number): boolean {
  return floorTo(distance, step) === distance;
}

/** The greatest multiple of a step that is not above a distance. Zero is added because floor(-0) is -0. */
export function floorTo(distance: number, step: number): number {
  return Math.floor(distance / step) * step + 0;
}
