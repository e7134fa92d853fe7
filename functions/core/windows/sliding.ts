import { type Duration, durationMs, longestDurationMs } from '../arguments/duration.ts';
import { argumentError } from '../arguments/error.ts';
import type { WindowKind } from './window.ts';
import { floorTo, isEdge, offsetOf, type WindowOptions } from './window-edges.ts';

/**
 * Most windows that hold a record: a day by 10 seconds, a week by the minute. A slice is looked at once for each of
 * them.
 */
const mostOverlap = 10_080;

/**
 * Windows of one size that begin every `slide` from the epoch (plus `offset`) and overlap, as Spark's `window(time,
 * size, slide)` and Flink's HOP. A record folds once, into its slice, however many windows hold it. `slide` need not
 * divide `size`.
 * @example
 * sliding('1 hour', '15 minutes'); // 10:20 is in [9:30, 10:30), [9:45, 10:45), [10:00, 11:00) and [10:15, 11:15)
 * @throws TidemarkError for a slide above the size, which would leave events in no window; for more than 10,080 windows
 * over a record; for a size below 1 ms or above 100 years; and for an offset as long as the slide
 */
export function sliding(size: Duration, slide: Duration, options: WindowOptions = {}): WindowKind {
  const sizeMs = durationMs('window: sliding size', size, { leastMs: 1, mostMs: longestDurationMs });
  const slideMs = durationMs('window: sliding slide', slide, { leastMs: 1, mostMs: longestDurationMs });
  if (slideMs > sizeMs)
    throw argumentError(
      'window: sliding slide',
      slide,
      `is longer than the size, ${sizeMs} ms: events between two windows would be in none; give at most the size`,
    );
  if (sizeMs / slideMs > mostOverlap)
    throw argumentError(
      'window: sliding slide',
      slide,
      `puts a record into more than ${mostOverlap} windows: give at least ${Math.ceil(sizeMs / mostOverlap)} ms`,
    );
  const offsetMs = offsetOf('sliding', options, slideMs);
  // Edges are the starts and the ends; an end lies `rest` behind a start.
  const rest = sizeMs - floorTo(sizeMs, slideMs);
  const startAt = (time: number) => floorTo(time - offsetMs, slideMs) + offsetMs;
  const sliceOf = (time: number) => {
    const start = startAt(time);
    return time - start < rest ? start : start + rest;
  };
  const next = (slice: number) => (rest > 0 && startAt(slice) === slice ? slice + rest : startAt(slice) + slideMs);
  return {
    label: `sliding ${sizeMs} ms by ${slideMs} ms${offsetMs === 0 ? '' : ` offset ${offsetMs} ms`}`,
    sliceMs: rest === 0 ? slideMs : Math.ceil(slideMs / 2),
    sliceOf,
    closings: (slice) => {
      const ends: number[] = [];
      for (let start = startAt(slice - sizeMs) + slideMs; start <= slice; start += slideMs) ends.push(start + sizeMs);
      return ends;
    },
    emit: (closing) => {
      const start = closing - sizeMs;
      if (!isEdge(start - offsetMs, slideMs)) return [];
      const slices: number[] = [];
      for (let slice = start; slice < closing; slice = next(slice)) slices.push(slice);
      return [{ start, end: closing, slices }];
    },
  };
}
