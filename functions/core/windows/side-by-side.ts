import { Temporal } from 'temporal-polyfill';
import { argumentError } from '../arguments/error.ts';
import type { WindowsOnClocks } from './local-clock.ts';
import type { Window, WindowKind } from './window.ts';

/**
 * Windows that cover all of time without overlapping. Each is one slice, however long it is.
 * @param timeZone the zone on whose clocks they lie
 * @param windows by a time that they hold. They depend on the time alone, and each ends where the next one starts.
 */
export function sideBySide(
  label: string,
  sliceMs: number,
  timeZone: string,
  { windowAt, startOf }: WindowsOnClocks,
): WindowKind {
  const at = (time: number): Window => {
    const window = windowAt(time);
    if (!(window.start <= time && time < window.end))
      throw new Error(`${label}: the window [${window.start}, ${window.end}) of ${time} does not hold it`);
    return window;
  };
  return {
    label,
    sliceMs,
    timeZone,
    sliceOf: startOf,
    closings: (slice) => [at(slice).end],
    emit: (closing) => {
      const { start, end } = at(closing - 1);
      return end === closing ? [{ start, end, slices: [start] }] : [];
    },
  };
}

/** A checked name of a time zone. @throws TidemarkError when it is not one */
export function checkedTimeZone(field: string, name: unknown): string {
  if (typeof name === 'string') {
    try {
      Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
      return name;
    } catch {
      // It is the same mistake as a name of another type.
    }
  }
  throw argumentError(field, name, "is not a time zone: give an IANA name such as 'Europe/Berlin' or 'UTC'");
}
