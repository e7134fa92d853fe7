/**
 * Dates of the proleptic Gregorian calendar as days from 1970-01-01, by H. Hinnant's "chrono-compatible low-level date
 * algorithms".
 */

export const dayMs = 86_400_000;

/** Days in 400 years, after which the calendar repeats. */
const eraDays = 146_097;

/** Days from 0000-03-01 to 1970-01-01. Years begin on 1 March here, so that a leap day is a year's last. */
const epochDays = 719_468;

/** The day of the week of a day, 1 (Monday) to 7, as ISO 8601 counts. */
export function dayOfWeek(day: number): number {
  return floorMod(day + 3, 7) + 1;
}

/** The first day of the month that holds a day, and of the month after it. */
export function monthOf(day: number): { readonly first: number; readonly next: number } {
  const first = firstOfMonth(day);
  // No month is shorter than 28 days or longer than 31.
  return { first, next: firstOfMonth(first + 31) };
}

/** The first day of the month that holds a day. */
export function firstOfMonth(day: number): number {
  const era = Math.floor((day + epochDays) / eraDays);
  // From here on all is whole, small and not negative: `| 0` rounds down.
  const dayOfEra = (day + epochDays - era * eraDays) | 0;
  const yearOfEra =
    ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0;
  const yearStart = 365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0);
  const dayOfYear = dayOfEra - yearStart;
  const month = ((5 * dayOfYear + 2) / 153) | 0; // 0 is March
  return day - (dayOfYear - (((153 * month + 2) / 5) | 0));
}

function floorMod(value: number, by: number): number {
  return value - Math.floor(value / by) * by;
}
