import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { calendar } from '../../functions/core/windows/calendar.ts';
import {
  firstShown,
  plainStretches,
  windowOnClocks,
  windowsOnClocks,
} from '../../functions/core/windows/local-clock.ts';
import { zoneOffsets } from '../../functions/core/windows/zone-offsets.ts';
import { oddZones } from './zone-windows.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const zones = [...oddZones, 'UTC', 'Europe/Berlin', 'America/New_York', 'Africa/Monrovia', 'America/Juneau'];
const sizes = [1, 7, 15, 20, 30, 45, 60, 90, 120, 240, 24 * 60, 7 * 24 * 60, 30 * 24 * 60].map(
  (size) => size * minuteMs,
);

/** Times of which many lie within some days of a change of clocks. */
function timesOf(timeZone: string): fc.Arbitrary<number> {
  const zone = zoneOffsets(timeZone);
  const anywhere = fc.integer({ min: Date.UTC(1850, 0, 1), max: Date.UTC(2060, 0, 1) });
  const near = fc
    .tuple(anywhere, fc.integer({ min: -5 * dayMs, max: 5 * dayMs }), fc.constantFrom(1, 10, 1000))
    .map(([time, distance, scale]) => {
      const { start } = zone.spanAt(time);
      return Number.isFinite(start) ? start + Math.floor(distance / scale) : time;
    });
  return fc.oneof(anywhere, near, near);
}

describe.each(zones)('the clocks of %s', (timeZone) => {
  const zone = zoneOffsets(timeZone);

  it('are as far ahead as Temporal says, whatever was asked before', () => {
    fc.assert(
      fc.property(timesOf(timeZone), (time) => {
        const { start, end, offsetMs } = zone.spanAt(time);
        expect(start <= time && time < end).toBe(true);
        const shown = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timeZone);
        expect(offsetMs).toBe(shown.offsetNanoseconds / 1e6);
      }),
    );
  });

  it.each(sizes)('give the same windows of %s ms by stretches as by spans alone', (sizeMs) => {
    const offsets = fc.constantFrom(0, 10 * minuteMs, -5 * minuteMs, hourMs / 2).filter((ms) => Math.abs(ms) < sizeMs);
    fc.assert(
      fc.property(fc.array(timesOf(timeZone), { minLength: 1, maxLength: 20 }), offsets, (times, offsetMs) => {
        const { windowAt, startOf } = windowsOnClocks(zone, sizeMs, offsetMs);
        for (const time of times) {
          const plain = windowOnClocks(zone, sizeMs, offsetMs, time);
          expect(startOf(time)).toBe(plain.start);
          expect(windowAt(time)).toStrictEqual(plain);
        }
      }),
      { numRuns: 40 },
    );
  });

  it.each(['day', 'week', 'month'] as const)('give each %s the start that Temporal says', (unit) => {
    const { sliceOf, closings } = calendar(unit, { timeZone });
    fc.assert(
      fc.property(timesOf(timeZone), (time) => {
        const start = sliceOf(time);
        const [end = Number.NaN] = closings(start);
        expect(start <= time && time < end).toBe(true);
        for (const edge of [start, end]) {
          const date = Temporal.Instant.fromEpochMilliseconds(edge).toZonedDateTimeISO(timeZone);
          expect(date.startOfDay().epochMilliseconds).toBe(edge);
          // A zone may have left out the first date.
          if (unit === 'month') expect(date.day).toBeLessThanOrEqual(2);
          if (unit === 'week') expect(date.dayOfWeek).toBeLessThanOrEqual(2);
        }
      }),
    );
  });

  it('show a time first where its stretch says so', () => {
    const stretchAt = plainStretches(zone, Number.POSITIVE_INFINITY);
    fc.assert(
      fc.property(timesOf(timeZone), (time) => {
        const { start, end, from, offsetMs } = stretchAt(time);
        expect(start <= time && time < end).toBe(true);
        if (time >= from) expect(firstShown(zone, time + offsetMs)).toBe(time);
      }),
    );
  });
});
