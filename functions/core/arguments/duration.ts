import { argumentError } from './error.ts';

/** Abbreviations stand alone; words have a plural. */
type UnitWord = 'millisecond' | 'sec' | 'second' | 'min' | 'minute' | 'hour' | 'day' | 'week';
type Unit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w' | UnitWord | `${UnitWord}s`;

/** Text as it is written in a program, of one term or two. {@link duration} reads longer text and capitals. */
export type DurationText =
  | `${bigint}${'' | ' '}${Unit}`
  | `${bigint} ${Unit} ${bigint} ${Unit}`
  | `${bigint}${'h' | 'd' | 'm'}${bigint}${'h' | 'm' | 's'}`;

/**
 * A length of time: text such as `'1 hour'`, `'90 s'` or `'1 day 12 hours'`, or `{ ms: 3600 }`. A bare number has no
 * unit and is refused, except 0, which needs none.
 */
export type Duration = 0 | DurationText | DurationInMs;

/** A computed length of time, with its unit. */
export interface DurationInMs {
  /** Whole milliseconds. */
  readonly ms: number;
}

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
export function durationMs(field: string, value: 0 | string | DurationInMs, bounds: DurationBounds): number {
  if (typeof value === 'number' && value !== 0) throw argumentError(field, value, bareNumber(value));
  const ms = typeof value === 'string' ? parse(value) : value === 0 ? 0 : ofMs(value);
  if (ms === undefined)
    throw argumentError(
      field,
      value,
      typeof value === 'string'
        ? "is not a duration: write whole numbers with their units, such as '1 hour', '90 s', '1 day 12 hours'"
        : "is not a duration: write text such as '1 hour', '90 s', '1 day 12 hours', or whole milliseconds as { ms: 3600 }",
    );
  if (ms < bounds.leastMs || ms > bounds.mostMs)
    throw argumentError(
      field,
      value,
      `is out of bounds: give at least ${bounds.leastMs} ms and at most ${bounds.mostMs} ms`,
    );
  return ms + 0; // turns -0 into 0
}

/**
 * The duration that a computed text says: `tumbling(duration(process.argv[2]))`. Text that is written in the program
 * needs no call.
 * @example
 * tumbling(duration('1 h 30 min'));
 * @throws TidemarkError when it cannot be read
 */
export function duration(text: string): DurationInMs {
  return { ms: durationMs('duration', text, { leastMs: -longestDurationMs, mostMs: longestDurationMs }) };
}

/**
 * The remedy for a bare number. Flink and Spark users mean seconds by 3600, JavaScript users milliseconds: neither is
 * guessed.
 */
function bareNumber(value: number): string {
  const whole = Number.isSafeInteger(value) && value > 0 ? value : 3600;
  return `has no unit: write '${whole} s' or { ms: ${whole} }`;
}

function ofMs(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'ms') return undefined;
  const ms: unknown = Reflect.get(value, 'ms');
  return Number.isSafeInteger(ms) ? (ms as number) : undefined;
}

function parse(given: string): number | undefined {
  const text = given.trim();
  let total = 0;
  let at = 0;
  term.lastIndex = 0;
  for (let match = term.exec(text); match !== null; match = term.exec(text)) {
    const name = (match[2] ?? '').toLowerCase();
    // Words have a plural; abbreviations of one or two letters do not.
    const unit = units[name] ?? (name.length > 3 ? units[name.replace(/s$/, '')] : undefined);
    if (unit === undefined) return undefined;
    const ms = Number(match[1]) * unit;
    total += ms;
    // Beyond, doubles are not exact: two great terms of opposite signs would leave something else than their
    // difference.
    if (!Number.isSafeInteger(ms) || !Number.isSafeInteger(total)) return undefined;
    at = term.lastIndex;
  }
  return at > 0 && at === text.length ? total : undefined;
}
