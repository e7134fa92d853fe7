import { Temporal } from 'temporal-polyfill';
import { longestDurationMs } from './duration.ts';
import { shown } from './error.ts';

/** What a pipeline's `eventTime` may give: a number in its `unit`, a Date, or ISO 8601 text with a zone. */
export type EventTimeValue = number | string | { getTime(): number } | null | undefined;

/** The unit of a numeric event time. Without one it is milliseconds, and a number that looks like seconds is rejected. */
export type EventTimeUnit = 's' | 'ms';

/**
 * Earliest and latest event time, in epoch ms: as far from the years 0000 and 9999 as the longest window, so that every window's
 * bounds have four-digit years and sort as text.
 */
export const eventTimeBounds = {
  earliest: -62_167_219_200_000 + 2 * longestDurationMs,
  latest: 253_402_300_799_999 - 2 * longestDurationMs,
} as const;

/** Numbers nearer to zero than this, taken as milliseconds, would lie in 1966-1973: they are almost always seconds. */
const likelySeconds = 1e11;

/** An event time in whole epoch milliseconds, or the reason why there is none. */
export type EventTime = number | { readonly refused: string };

/** Reads what a pipeline's `eventTime` returned. Fractions of a millisecond are cut towards the past. */
export function eventTimeOf(value: EventTimeValue, unit: EventTimeUnit | undefined): EventTime {
  const ms = toMs(value, unit);
  if (typeof ms !== 'number') return ms;
  if (!(ms >= eventTimeBounds.earliest && ms <= eventTimeBounds.latest)) return { refused: `event time ${shown(value)} is out of range` };
  return ms;
}

function toMs(value: EventTimeValue, unit: EventTimeUnit | undefined): EventTime {
  if (typeof value === 'number') {
    if (unit === 's') return secondsToMs(value);
    if (unit === undefined && Math.abs(value) < likelySeconds)
      return { refused: `event time ${value} looks like seconds: set unit 's' (or 'ms') beside eventTime` };
    return wholeMs(value);
  }
  if (typeof value === 'string') return isoToMs(value);
  if (value === null || value === undefined) return { refused: 'no event time' };
  if (typeof value === 'object' && typeof value.getTime === 'function') {
    const ms: unknown = value.getTime();
    if (typeof ms === 'number') return wholeMs(ms);
  }
  return { refused: `event time ${shown(value)} is not a number, a Date or ISO 8601 text` };
}

/** Plus zero, for floor(-0) is -0, which has no place among times. */
function wholeMs(ms: number): number {
  return Math.floor(ms) + 0;
}

/**
 * Seconds as they were written, in ms: `1.001 * 1000` is 1000.9999999999999, but division is rounded right, so the greatest whole number
 * whose thousandth is not above `seconds` is the one that was meant.
 */
function secondsToMs(seconds: number): number {
  const nearest = Math.round(seconds * 1000);
  return (nearest / 1000 <= seconds ? nearest : nearest - 1) + 0;
}

/** Text without a zone is refused: it would mean another moment on every machine. */
function isoToMs(text: string): EventTime {
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return { refused: `event time ${shown(text)} is not ISO 8601 with a zone` };
  }
}

/** Epoch ms as ISO 8601 in UTC with milliseconds, four-digit years: as text it sorts like the time it names. */
export function isoTime(ms: number): string {
  return Temporal.Instant.fromEpochMilliseconds(ms).toString({ smallestUnit: 'millisecond' });
}

/** The reverse of {@link isoTime}, for anything that reads it back. Undefined when it is not ISO 8601 with a zone. */
export function parseIsoTime(text: string): number | undefined {
  const ms = isoToMs(text);
  return typeof ms === 'number' ? ms : undefined;
}
