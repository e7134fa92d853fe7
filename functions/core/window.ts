import { type Duration, durationMs, longestDurationMs } from './duration.ts';
import { mistake } from './error.ts';

/** A window of event time, `[start, end)` in epoch ms. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** A window to emit, and the slices (by their start) whose buckets it merges. */
export interface EmittedWindow extends Window {
  readonly slices: readonly number[];
}

/**
 * A kind of window, as three pure functions; the protocol knows nothing else about windows (DESIGN section 1). A slice is the stretch of
 * event time between two neighbouring window edges and is named by its start.
 */
export interface WindowKind {
  /** For people: `tumbling 1 hour`. */
  readonly label: string;
  /** The usual length of a slice in ms: how many slices share a registry item follows from it. */
  readonly sliceMs: number;
  /** The start of the slice that holds an event time. */
  sliceOf(time: number): number;
  /** The moments, ascending, at which a window that holds the slice closes. Never empty. */
  closings(slice: number): readonly number[];
  /** The windows that close at a moment, ascending. Empty when the moment is no edge. */
  emit(closing: number): readonly EmittedWindow[];
}

/** Options of {@link tumbling}. */
export interface TumblingOptions {
  /** Moves every window by this much, either sign; as Spark's startTime. @default 0 */
  readonly offset?: Duration;
}

/**
 * Windows of one size, side by side from the epoch (plus `offset`) into both directions. One slice a window, which closes at its end.
 * @throws TidemarkError for a size below 1 ms or above 100 years, or an offset as long as the size.
 */
export function tumbling(size: Duration, options: TumblingOptions = {}): WindowKind {
  if (typeof options !== 'object' || options === null)
    throw mistake('window: tumbling options', options, "is not an object: write { offset: '15 minutes' }");
  const unknown = Object.keys(options).find((name) => name !== 'offset');
  if (unknown !== undefined) throw mistake(`window: tumbling ${unknown}`, unknown, 'is not a setting: use offset');
  const sizeMs = durationMs('window: tumbling size', size, { leastMs: 1, mostMs: longestDurationMs });
  const offsetMs = durationMs('window: tumbling offset', options.offset ?? 0, { leastMs: 1 - sizeMs, mostMs: sizeMs - 1 });
  return {
    label: `tumbling ${sizeMs} ms${offsetMs === 0 ? '' : ` offset ${offsetMs} ms`}`,
    sliceMs: sizeMs,
    sliceOf: (time) => Math.floor((time - offsetMs) / sizeMs) * sizeMs + offsetMs,
    closings: (slice) => [slice + sizeMs],
    emit: (closing) => {
      const start = closing - sizeMs;
      return isEdge(start - offsetMs, sizeMs) ? [{ start, end: closing, slices: [start] }] : [];
    },
  };
}

/** Floored, for `%` of a negative time is negative (windows before 1970). */
function isEdge(distance: number, step: number): boolean {
  return distance - Math.floor(distance / step) * step === 0;
}
