import { type Duration, durationMs, longestDurationMs } from './duration.ts';
import type { WindowKind } from './window.ts';
import { isEdge, offsetOf, type WindowOptions } from './window-edges.ts';

/**
 * Windows of one size, side by side from the epoch (plus `offset`) into both directions. One slice a window, which closes at its end.
 * @throws TidemarkError for a size below 1 ms or above 100 years, or an offset as long as the size.
 */
export function tumbling(size: Duration, options: WindowOptions = {}): WindowKind {
  const sizeMs = durationMs('window: tumbling size', size, { leastMs: 1, mostMs: longestDurationMs });
  const offsetMs = offsetOf('tumbling', options, sizeMs);
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
