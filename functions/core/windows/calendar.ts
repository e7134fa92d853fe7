import { argumentError } from '../arguments/error.ts';
import { dayMs, dayOfWeek, firstOfMonth, monthOf } from './civil-date.ts';
import { firstShown, plainStretches, startsOnClocks } from './local-clock.ts';
import { checkedTimeZone, sideBySide } from './side-by-side.ts';
import type { Window, WindowKind } from './window.ts';
import { floorTo, onlyOptions } from './window-edges.ts';
import { zoneOffsets } from './zone-offsets.ts';

/** A unit of {@link calendar}. */
export type CalendarUnit = 'day' | 'week' | 'month';

/** A day of the week, for the weeks of {@link calendar}. */
export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

/** Options of {@link calendar}. */
export interface CalendarOptions {
  /** The IANA time zone whose calendar it is: `Europe/Berlin`. */
  readonly timeZone: string;
  /** The first day of a week; for weeks only. @default 'monday' */
  readonly weekStart?: Weekday;
}

/** In the order of ISO 8601's numbers, from 1. */
const weekdays: readonly Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

const usualMs: Readonly<Record<CalendarUnit, number>> = {
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
};

/**
 * Days, weeks or months of a time zone's calendar, side by side. A day on which clocks change has 23 or 25 hours. The
 * rules are those of the Node.js that runs the function (`process.versions.tz`).
 * @example
 * calendar('day', { timeZone: 'America/New_York' });
 * calendar('week', { timeZone: 'Europe/Berlin', weekStart: 'sunday' });
 * @throws TidemarkError for another unit, and for an unknown time zone
 */
export function calendar(unit: CalendarUnit, options: CalendarOptions): WindowKind {
  if (!Object.hasOwn(usualMs, unit))
    throw argumentError('window: calendar unit', unit, `is not a unit: use ${Object.keys(usualMs).join(', ')}`);
  onlyOptions(
    'calendar',
    options,
    unit === 'week' ? ['timeZone', 'weekStart'] : ['timeZone'],
    "{ timeZone: 'Europe/Berlin' }",
  );
  const { weekStart = 'monday' } = options;
  const timeZone = checkedTimeZone('window: calendar timeZone', options.timeZone);
  const first = weekdays.indexOf(weekStart) + 1;
  if (first === 0)
    throw argumentError(
      'window: calendar weekStart',
      weekStart,
      `is not a day of the week: use ${weekdays.join(', ')}`,
    );

  const zone = zoneOffsets(timeZone);
  const datesOf = (day: number): { readonly first: number; readonly next: number } => {
    if (unit === 'month') return monthOf(day);
    if (unit === 'day') return { first: day, next: day + 1 };
    const weekFirst = day - ((dayOfWeek(day) - first + 7) % 7);
    return { first: weekFirst, next: weekFirst + 7 };
  };
  // A date begins at the first of its midnights, as in Temporal's startOfDay. Where clocks go back over midnight they
  // show the date before once more; that time belongs to the date that has begun. A date that a zone left out, as Samoa
  // did in 2011, is not a window: it would begin where the next one does.
  const stretchAt = plainStretches(zone, Number.POSITIVE_INFINITY);
  const windowAt = (time: number): Window => {
    const { from, end: until, offsetMs } = stretchAt(time);
    const edgeOf = (day: number): number => {
      const edge = day * dayMs - offsetMs;
      return edge >= from && edge < until ? edge : firstShown(zone, day * dayMs);
    };
    let dates = datesOf(Math.floor((time + offsetMs) / dayMs));
    let start = edgeOf(dates.first);
    for (;;) {
      const end = edgeOf(dates.next);
      if (end > time) return { start, end };
      start = end;
      dates = datesOf(dates.next);
    }
  };
  // Weeks are counted from the first one that starts after the epoch, which was a Thursday.
  const weekMs = 7 * dayMs;
  const firstWeekMs = ((first + 3) % 7) * dayMs;
  const floorOf: Readonly<Record<CalendarUnit, (shown: number) => number>> = {
    day: (shown) => floorTo(shown, dayMs),
    week: (shown) => floorTo(shown - firstWeekMs, weekMs) + firstWeekMs,
    month: (shown) => firstOfMonth(Math.floor(shown / dayMs)) * dayMs,
  };
  const startOf = startsOnClocks(stretchAt, floorOf[unit], (time) => windowAt(time).start);
  return sideBySide(
    `calendar ${unit} ${timeZone}${unit === 'week' ? ` from ${weekStart}` : ''}`,
    usualMs[unit],
    timeZone,
    { windowAt, startOf },
  );
}
