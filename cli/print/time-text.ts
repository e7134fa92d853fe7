import { eventTimeBounds, isoTime } from '../../functions/core/events/event-time.ts';
import { type OffsetSpan, zoneOffsets } from '../../functions/core/windows/zone-offsets.ts';

/** The zone in which times are shown unless a query's windows lie on the clocks of another one. */
export const utc = 'UTC';

const dayMs = 86_400_000;

/** A moment on the clocks of a zone: `2016-07-26 02:00`, with the units below a minute only where they are not zero. */
export function timeText(ms: number, timeZone = utc): string {
  return `${dayText(ms, timeZone)} ${clockText(ms, timeZone)}`;
}

/** A moment in UTC that stands in a sentence: `2016-07-26 02:00 UTC`. */
export function momentText(ms: number): string {
  return `${timeText(ms)} ${utc}`;
}

/**
 * A window on the clocks of a zone: `2016-07-26 02:00–03:00`; both days where it spans more than one; whole days as
 * days (`2016-07-26`, `2016-07-25 – 2016-07-31`) and a whole month as `2016-07`. Times of an hour that comes twice have
 * their offset.
 */
export function windowText(start: number, end: number, timeZone = utc): string {
  if (start <= eventTimeBounds.earliest && end > eventTimeBounds.latest) return 'all of time';
  if (isDayStart(start, timeZone) && isDayStart(end, timeZone)) return daysText(start, end, timeZone);
  const isOneDay = dayText(start, timeZone) === dayText(end - 1, timeZone) && end - start < dayMs;
  return isOneDay
    ? `${timeText(start, timeZone)}–${clockText(end, timeZone)}`
    : `${timeText(start, timeZone)} – ${timeText(end, timeZone)}`;
}

/** The heading of a column of times: `window (UTC)`. */
export function zonedHeading(heading: string, timeZone = utc): string {
  return `${heading} (${timeZone})`;
}

const units = [
  ['d', dayMs],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** The two largest units, cut: 90 min is `1 h 30 min`. Days are used from two on, because people say `24 h`. */
export function spanText(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [name, size] of units) {
    const count = name === 'd' && ms < 2 * size ? 0 : Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  if (parts.length === 0) return ms === 0 ? '0' : `${Math.round(ms)} ms`;
  return parts.slice(0, 2).join(' ');
}

function daysText(start: number, end: number, timeZone: string): string {
  const [first, last, next] = [dayText(start, timeZone), dayText(end - 1, timeZone), dayText(end, timeZone)];
  if (first === last) return first;
  const isMonth = first.endsWith('-01') && next.endsWith('-01') && first.slice(0, 7) === last.slice(0, 7);
  return isMonth ? first.slice(0, 7) : `${first} – ${last}`;
}

/** Whether a day of the zone begins then. Some zones have moved their clocks at midnight: a day may begin at 01:00. */
function isDayStart(ms: number, timeZone: string): boolean {
  return dayText(ms, timeZone) !== dayText(ms - 1, timeZone);
}

function dayText(ms: number, timeZone: string): string {
  return onClocks(ms, timeZone).slice(0, 10);
}

function clockText(ms: number, timeZone: string): string {
  const clock = onClocks(ms, timeZone)
    .slice(11, -1)
    .replace(/\.000$/, '')
    .replace(/^(\d\d:\d\d):00$/, '$1');
  return comesTwice(ms, timeZone) ? `${clock}${offsetText(spanAt(ms, timeZone).offsetMs)}` : clock;
}

/** The time of a zone's clocks, written as if it were UTC. */
function onClocks(ms: number, timeZone: string): string {
  return isoTime(ms + spanAt(ms, timeZone).offsetMs);
}

const always: OffsetSpan = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY, offsetMs: 0 };

function spanAt(ms: number, timeZone: string): OffsetSpan {
  return timeZone === utc ? always : zoneOffsets(timeZone).spanAt(ms);
}

/** Whether the clocks show this time at another moment too, because they are set back. */
function comesTwice(ms: number, timeZone: string): boolean {
  const { start, end, offsetMs } = spanAt(ms, timeZone);
  const before = Number.isFinite(start) ? spanAt(start - 1, timeZone).offsetMs : offsetMs;
  const after = Number.isFinite(end) ? spanAt(end, timeZone).offsetMs : offsetMs;
  return ms + offsetMs < start + before || ms + offsetMs >= end + after;
}

/** `+02:00`. */
function offsetText(offsetMs: number): string {
  const clock = isoTime(Math.abs(offsetMs)).slice(11, 16);
  return `${offsetMs < 0 ? '-' : '+'}${clock}`;
}
