import { type Duration, durationMs, longestDurationMs } from '../arguments/duration.ts';
import { windowsOnClocks } from './local-clock.ts';
import { checkedTimeZone, sideBySide } from './side-by-side.ts';
import type { WindowKind } from './window.ts';
import { isEdge, offsetOf, type WindowOptions } from './window-edges.ts';
import { zoneOffsets } from './zone-offsets.ts';

/** Options of {@link tumbling}. */
export interface TumblingOptions extends WindowOptions {
  /**
   * An IANA time zone on whose clocks the windows lie: with 4 hours, windows begin at 0:00, 4:00, 8:00 there. Where the
   * size divides the length by which the clocks are moved (mostly sizes of an hour and less), every window is as long
   * as the size, and the hour that comes twice has windows of its own each time. Otherwise a window over a change is
   * shorter or longer: 3 or 5 hours. For whole days, weeks and months use `calendar`.
   * @default UTC
   */
  readonly timeZone?: string;
}

/**
 * Least size of windows in a time zone. A zone's clocks differ from UTC's by whole minutes, so a zone would change
 * nothing about shorter windows but their cost.
 */
const leastOnClocksMs = 60_000;

/**
 * Windows of one size, side by side from the epoch (plus `offset`) in both directions. Each window is one slice, which
 * closes at its end.
 * @example
 * tumbling('1 hour'); // 10:20 is in [10:00, 11:00)
 * tumbling('1 hour', { offset: '15 minutes' }); // 10:20 is in [10:15, 11:15)
 * tumbling('4 hours', { timeZone: 'Europe/Berlin' }); // 10:20 in Berlin is in [8:00, 12:00) there
 * @throws TidemarkError for a size below 1 ms (in a time zone: a minute) or above 100 years, an offset as long as the
 * size, or an unknown time zone
 */
export function tumbling(size: Duration, options: TumblingOptions = {}): WindowKind {
  const onClocks = typeof options === 'object' && options !== null && options.timeZone !== undefined;
  const sizeMs = durationMs('window: tumbling size', size, {
    leastMs: onClocks ? leastOnClocksMs : 1,
    mostMs: longestDurationMs,
  });
  const offsetMs = offsetOf('tumbling', options, sizeMs, ['timeZone']);
  const label = `tumbling ${sizeMs} ms${offsetMs === 0 ? '' : ` offset ${offsetMs} ms`}`;
  if (onClocks) {
    const timeZone = checkedTimeZone('window: tumbling timeZone', options.timeZone);
    const windows = windowsOnClocks(zoneOffsets(timeZone), sizeMs, offsetMs);
    return sideBySide(`${label} ${timeZone}`, sizeMs, timeZone, windows);
  }
  return {
    label,
    sliceMs: sizeMs,
    sliceOf: (time) => Math.floor((time - offsetMs) / sizeMs) * sizeMs + offsetMs,
    closings: (slice) => [slice + sizeMs],
    emit: (closing) => {
      const start = closing - sizeMs;
      return isEdge(start - offsetMs, sizeMs) ? [{ start, end: closing, slices: [start] }] : [];
    },
  };
}
