import { Temporal } from 'temporal-polyfill';

/**
 * A moment on the clocks of a time zone, as Java's `LocalDateTime` writes it, which Flink's tests assert: to the
 * minute, with seconds and milliseconds where they are not 0.
 * @param time epoch ms
 */
export function localText(time: number, timeZone: string): string {
  const shown = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timeZone).toPlainDateTime();
  const smallestUnit = shown.millisecond !== 0 ? 'millisecond' : shown.second !== 0 ? 'second' : 'minute';
  return shown.toString({ smallestUnit });
}
