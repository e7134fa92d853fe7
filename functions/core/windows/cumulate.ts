import { type Duration, durationMs, longestDurationMs } from '../arguments/duration.ts';
import { argumentError } from '../arguments/error.ts';
import type { WindowKind } from './window.ts';
import { floorTo, isEdge, offsetOf, type WindowOptions } from './window-edges.ts';

/** Most windows that begin together: a year by the hour. */
const mostSteps = 10_080;

/**
 * Windows that begin together every `most` and end `step` after one another, up to `most`: `[0:00, 0:10)`, `[0:00,
 * 0:20)`, ... `[0:00, 24:00)`, as Flink's CUMULATE. A record folds once, into its step.
 * @example
 * cumulate('1 day', '1 hour'); // 10:20 is in [0:00, 11:00), [0:00, 12:00), ... [0:00, 24:00)
 * @throws TidemarkError when the step does not divide the greatest size, and as {@link sliding}
 */
export function cumulate(most: Duration, step: Duration, options: WindowOptions = {}): WindowKind {
  const sizeMs = durationMs('window: cumulate max', most, { leastMs: 1, mostMs: longestDurationMs });
  const stepMs = durationMs('window: cumulate step', step, { leastMs: 1, mostMs: longestDurationMs });
  if (!isEdge(sizeMs, stepMs) || sizeMs / stepMs > mostSteps)
    throw argumentError(
      'window: cumulate step',
      step,
      `does not divide the greatest size, ${sizeMs} ms, into at most ${mostSteps} steps: give one that does`,
    );
  const offsetMs = offsetOf('cumulate', options, sizeMs);
  const startAt = (time: number) => floorTo(time - offsetMs, sizeMs) + offsetMs;
  return {
    label: `cumulate ${sizeMs} ms by ${stepMs} ms${offsetMs === 0 ? '' : ` offset ${offsetMs} ms`}`,
    sliceMs: stepMs,
    sliceOf: (time) => floorTo(time - offsetMs, stepMs) + offsetMs,
    closings: (slice) => {
      const ends: number[] = [];
      for (let end = slice + stepMs; end <= startAt(slice) + sizeMs; end += stepMs) ends.push(end);
      return ends;
    },
    emit: (closing) => {
      if (!isEdge(closing - offsetMs, stepMs)) return [];
      const start = startAt(closing - 1);
      const slices: number[] = [];
      for (let slice = start; slice < closing; slice += stepMs) slices.push(slice);
      return [{ start, end: closing, slices }];
    },
  };
}
