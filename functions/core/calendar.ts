import { Temporal } from 'temporal-polyfill';
import { mistake } from './error.ts';
import { checkedTimeZone, sideBySide } from './side-by-side.ts';
import type { Window, WindowKind } from './window.ts';
import { onlyOptions } from './window-edges.ts';

/** A unit of the calendar. */
export type CalendarUnit = 'day' | 'week' | 'month';

/** A day of the week. */
export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

/** Options of {@link calendar}. */
export interface CalendarOptions {
  /** The IANA time zone whose calendar it is: `Europe/Berlin`. */
  readonly timeZone: string;
  /** The first day of a week; for weeks only. @default 'monday' */
  readonly weekStart?: Weekday;
}

/** ISO 8601's numbers, from 1. */
const weekdays: readonly Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

const usualMs: Readonly<Record<CalendarUnit, number>> = {
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
};

/**
 * Days, weeks or months of a time zone's calendar, side by side: a day of a change of clocks has 23 or 25 hours. The rules are those of the Node.js
 * that runs the function (`process.versions.tz`).
 * @throws TidemarkError for another unit, and for a time zone that is not known
 */
export function calendar(unit: CalendarUnit, options: CalendarOptions): WindowKind {
  if (!Object.hasOwn(usualMs, unit))
    throw mistake('window: calendar unit', unit, `is no unit: use ${Object.keys(usualMs).join(', ')}`);
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
    throw mistake('window: calendar weekStart', weekStart, `is no day of the week: use ${weekdays.join(', ')}`);

  const firstDate = (date: Temporal.PlainDate): Temporal.PlainDate => {
    if (unit === 'day') return date;
    return unit === 'month' ? date.with({ day: 1 }) : date.subtract({ days: (date.dayOfWeek - first + 7) % 7 });
  };
  const startOf = (date: Temporal.PlainDate) => date.toZonedDateTime({ timeZone }).epochMilliseconds;
  const windowAt = (time: number): Window => {
    const date = firstDate(Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timeZone).toPlainDate());
    const start = startOf(date);
    // A day that a zone left out, as Samoa did in 2011, is no window: the one before it ends where the next one starts.
    for (let next = date.add({ [`${unit}s`]: 1 }); ; next = next.add({ [`${unit}s`]: 1 })) {
      const end = startOf(next);
      if (end > start) return { start, end };
    }
  };
  return sideBySide(
    `calendar ${unit} ${timeZone}${unit === 'week' ? ` from ${weekStart}` : ''}`,
    usualMs[unit],
    windowAt,
  );
}
