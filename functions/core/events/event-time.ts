import { Temporal } from 'temporal-polyfill';
import { longestDurationMs } from '../arguments/duration.ts';
import { valueText } from '../arguments/error.ts';

/** The values that a pipeline's `eventTime` may give: a number in its `unit`, a Date, or ISO 8601 text with a zone. */
export type EventTimeValue = number | string | { getTime(): number } | null | undefined;

/**
 * The unit of a numeric event time. Without one the number is milliseconds, and one that looks like seconds is
 * rejected.
 */
export type EventTimeUnit = 's' | 'ms';

/**
 * Earliest and latest event time, in epoch ms. They are as far from the years 0000 and 9999 as the longest window is
 * long, so that every window's bounds have four-digit years and sort as text.
 */
export const eventTimeBounds = {
  earliest: -62_167_219_200_000 + 2 * longestDurationMs,
  latest: 253_402_300_799_999 - 2 * longestDurationMs,
} as const;

/** Numbers nearer to zero than this, taken as milliseconds, would lie in 1966-1973: they are almost always seconds. */
const likelySeconds = 1e11;

/** An event time in whole epoch milliseconds, or the reason why there is none. */
export type EventTime = number | { readonly refused: string };

/** Reads the result of a pipeline's `eventTime`. Fractions of a millisecond are cut towards the past. */
export function eventTimeOf(value: EventTimeValue, unit: EventTimeUnit | undefined): EventTime {
  const ms = toMs(value, unit);
  if (typeof ms !== 'number') return ms;
  if (!(ms >= eventTimeBounds.earliest && ms <= eventTimeBounds.latest))
    return { refused: `event time ${valueText(value)} is out of range` };
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
  return { refused: `event time ${valueText(value)} is not a number, a Date or ISO 8601 text` };
}

/** Whole ms, rounded down. Zero is added because floor(-0) is -0, which has no place among times. */
function wholeMs(ms: number): number {
  return Math.floor(ms) + 0;
}

/**
 * Seconds in ms, as they were written. `1.001 * 1000` is 1000.9999999999999, but division is rounded right. So the
 * greatest whole number whose thousandth is not above `seconds` is the one that was meant.
 */
function secondsToMs(seconds: number): number {
  if (Number.isSafeInteger(seconds * 1000) && Number.isInteger(seconds)) return seconds * 1000 + 0;
  const nearest = Math.round(seconds * 1000);
  return (nearest / 1000 <= seconds ? nearest : nearest - 1) + 0;
}

/** Text without a zone is refused: it would mean another moment on every machine. */
function isoToMs(text: string): EventTime {
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return { refused: `event time ${valueText(text)} is not ISO 8601 with a zone` };
  }
}

/** Epoch ms as ISO 8601 in UTC with milliseconds and four-digit years. As text it sorts like the time it names. */
export function isoTime(ms: number): string {
  // By arithmetic, because every key of a window and every row that a reader gets has such a text. Beyond the years
  // 0000 to 9999 there is none.
  if (!Number.isSafeInteger(ms) || ms < firstIsoMs || ms > lastIsoMs)
    return Temporal.Instant.fromEpochMilliseconds(ms).toString({ smallestUnit: 'millisecond' });
  const day = Math.floor(ms / dayMs);
  const time = ms - day * dayMs;
  const seconds = Math.floor(time / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${isoDate(day)}T${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}.${String(time % 1000).padStart(3, '0')}Z`;
}

const dayMs = 86_400_000;

/** The first and the last moment of the years 0000 to 9999, epoch ms. */
const firstIsoMs = -62_167_219_200_000;
const lastIsoMs = 253_402_300_799_999;

/** Days from 0000-03-01 to the epoch. */
const epochDay = 719_468;

/**
 * A day, counted from the epoch, as YYYY-MM-DD. Years begin in March here, so that a leap day is the last of its year;
 * 400 of them have 146,097 days (https://howardhinnant.github.io/date_algorithms.html#civil_from_days).
 */
function isoDate(day: number): string {
  const era = Math.floor((day + epochDay) / 146_097);
  const ofEra = day + epochDay - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const ofMonth = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(ofMonth)}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

/** The reverse of {@link isoTime}. Undefined when the text is not ISO 8601 with a zone. */
export function parseIsoTime(text: string): number | undefined {
  const ms = isoToMs(text);
  return typeof ms === 'number' ? ms : undefined;
}
