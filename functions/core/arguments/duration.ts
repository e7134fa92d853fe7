import { mistake } from './error.ts';

/** A length of time: milliseconds, or text such as `'1 hour'`, `'90 s'` or `'1 day 12 hours'`. */
export type Duration = number | string;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const units: Readonly<Record<string, number>> = {
  ms: 1,
  millisecond: 1,
  s: SECOND,
  sec: SECOND,
  second: SECOND,
  m: MINUTE,
  min: MINUTE,
  minute: MINUTE,
  h: HOUR,
  hour: HOUR,
  d: DAY,
  day: DAY,
  w: 7 * DAY,
  week: 7 * DAY,
};

/**
 * The longest duration that is accepted, in ms: 100 years. Event times keep this far from the ends of ISO 8601's years.
 */
export const longestDurationMs = 36_525 * DAY;

const term = /([+-]?\d+)\s*([a-z]+)\s*/giy;

/** Bounds of a duration in milliseconds, both inclusive. */
export interface DurationBounds {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * A duration in whole milliseconds. Months and years have no fixed length and are refused, as in Spark's `window`.
 * @throws TidemarkError naming `field` when it cannot be read or is out of bounds.
 */
export function durationMs(field: string, value: Duration, bounds: DurationBounds): number {
  const ms = typeof value === 'number' ? value : parse(value);
  if (ms === undefined || !Number.isSafeInteger(ms))
    throw mistake(
      field,
      value,
      typeof value === 'string'
        ? "is not a duration: write whole numbers with their units, such as '1 hour', '90 s', '1 day 12 hours'"
        : "is not a duration: write whole milliseconds or text such as '1 hour', '90 s', '1 day 12 hours'",
    );
  if (ms < bounds.leastMs || ms > bounds.mostMs)
    throw mistake(field, value, `is out of bounds: give at least ${bounds.leastMs} ms and at most ${bounds.mostMs} ms`);
  return ms + 0; // turns -0 into 0
}

function parse(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  let total = 0;
  let at = 0;
  term.lastIndex = 0;
  for (let match = term.exec(text); match !== null; match = term.exec(text)) {
    const name = (match[2] ?? '').toLowerCase();
    // Words have a plural, abbreviations of one or two letters have not.
    const unit = units[name] ?? (name.length > 3 ? units[name.replace(/s$/, '')] : undefined);
    if (unit === undefined) return undefined;
    const ms = Number(match[1]) * unit;
    total += ms;
    // Beyond, doubles are no longer exact: two great terms of opposite signs would leave something else than their
    // difference.
    if (!Number.isSafeInteger(ms) || !Number.isSafeInteger(total)) return undefined;
    at = term.lastIndex;
  }
  return at > 0 && at === text.length ? total : undefined;
}
