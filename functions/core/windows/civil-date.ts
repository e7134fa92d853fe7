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
  const shifted = day + epochDays;
  const era = Math.floor(shifted / eraDays);
  const dayOfEra = shifted - era * eraDays;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const yearStart = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - yearStart;
  const month = Math.floor((5 * dayOfYear + 2) / 153); // 0 is March
  const monthStart = (index: number) => Math.floor((153 * index + 2) / 5);
  const first = day - (dayOfYear - monthStart(month));
  // February is last. Only the start of the next year tells its length.
  const nextYear = yearOfEra + 1;
  const next =
    month < 11
      ? first + monthStart(month + 1) - monthStart(month)
      : era * eraDays +
        365 * nextYear +
        Math.floor(nextYear / 4) -
        Math.floor(nextYear / 100) +
        (nextYear === 400 ? 1 : 0) -
        epochDays;
  return { first, next };
}

function floorMod(value: number, by: number): number {
  return value - Math.floor(value / by) * by;
}
