import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendar } from '../../functions/core/windows/calendar.ts';
import { cumulate } from '../../functions/core/windows/cumulate.ts';
import { sliding } from '../../functions/core/windows/sliding.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import { startingIn, withLateness } from '../../functions/core/windows/window-rules.ts';

/** The windows that hold a time, by the route the protocol takes: time -> slice -> closings -> windows. */
function windowsAt(kind: WindowKind, time: number): readonly (readonly [number, number])[] {
  return kind
    .closings(kind.sliceOf(time))
    .flatMap((closing) => kind.emit(closing))
    .map(({ start, end }) => [start, end] as const);
}

const times = fc.integer({ min: -10_000, max: 10_000 });
const grids = fc
  .record({
    size: fc.integer({ min: 1, max: 300 }),
    slide: fc.integer({ min: 1, max: 300 }),
    offset: fc.integer({ min: -300, max: 300 }),
  })
  // Each window of a time is compared with each of its slices. More than 40 slices show nothing new, and take a minute.
  .map(({ size, slide, offset }) => ({
    size: Math.max(size, slide),
    slide: Math.max(Math.min(size, slide), Math.ceil(Math.max(size, slide) / 40)),
    offset,
  }))
  // Minus zero is avoided: a remainder may be minus zero, and no window begins at it.
  .map(({ size, slide, offset }) => ({ size, slide, offset: (offset % slide) + 0 }));

/** The laws of every kind of window. With them, the protocol counts each record once in each window that holds it. */
function expectSound(kind: WindowKind, time: number): void {
  const slice = kind.sliceOf(time);
  expect(slice).toBeLessThanOrEqual(time);
  expect(kind.sliceOf(slice)).toBe(slice);
  const closings = kind.closings(slice);
  expect([...closings].sort((left, right) => left - right)).toEqual(closings);
  expect(new Set(closings).size).toBe(closings.length);
  expect(closings.length).toBeGreaterThan(0);
  for (const closing of closings) {
    for (const window of kind.emit(closing)) {
      expect(window.end).toBe(closing);
      expect(window.slices).toContain(slice);
      // The slices of the window are contiguous, from its start to its end.
      expect(window.slices[0]).toBe(window.start);
      expect(kind.sliceOf(window.end)).toBe(window.end);
      for (const [i, own] of window.slices.entries()) {
        expect(kind.sliceOf((window.slices[i + 1] ?? window.end) - 1)).toBe(own);
        expect(kind.closings(own)).toContain(closing);
      }
    }
  }
}

describe('every kind of windows', () => {
  it('sliding gives each window that holds a time, and no other', () => {
    fc.assert(
      fc.property(grids, times, ({ size, slide, offset }, time) => {
        const kind = sliding({ ms: size }, { ms: slide }, { offset: { ms: offset } });
        expectSound(kind, time);
        const expected: [number, number][] = [];
        const least = Math.ceil((time - size + 1 - offset) / slide);
        for (let i = least; i * slide + offset <= time; i++)
          expected.push([i * slide + offset, i * slide + offset + size]);
        expect(windowsAt(kind, time)).toEqual(expected);
      }),
    );
  });

  it('sliding by its size is tumbling', () => {
    fc.assert(
      fc.property(grids, times, ({ slide, offset }, time) => {
        expect(windowsAt(sliding({ ms: slide }, { ms: slide }, { offset: { ms: offset } }), time)).toEqual(
          windowsAt(tumbling({ ms: slide }, { offset: { ms: offset } }), time),
        );
      }),
    );
  });

  it('cumulate gives a window from its start to each step after the time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 }), times, (step, steps, time) => {
        const kind = cumulate({ ms: step * steps }, { ms: step }, { offset: { ms: step - 1 } });
        expectSound(kind, time);
        const windows = windowsAt(kind, time);
        const [[start] = [0]] = windows;
        expect(start <= time && time < start + step * steps).toBe(true);
        expect(windows).toEqual(
          Array.from({ length: steps }, (_, i) => [start, start + (i + 1) * step]).filter(
            ([, end]) => end !== undefined && end > time,
          ),
        );
      }),
    );
  });

  it('calendar gives windows side by side in every zone, over changes of clocks', () => {
    const zones = [
      'UTC',
      'Europe/Berlin',
      'America/Los_Angeles',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'Pacific/Apia',
      'America/Sao_Paulo',
    ];
    const moments = fc.integer({ min: Date.UTC(1960, 0), max: Date.UTC(2040, 0) });
    fc.assert(
      fc.property(
        fc.constantFrom('day', 'week', 'month'),
        fc.constantFrom(...zones),
        moments,
        (unit, timeZone, time) => {
          const kind = calendar(unit, { timeZone });
          expectSound(kind, time);
          expect(windowsAt(kind, time)).toHaveLength(1);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('tumbling on the clocks of a zone gives windows side by side, with edges on its clocks', () => {
    const zones = [
      'UTC',
      'Europe/Berlin',
      'America/Los_Angeles',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'Pacific/Apia',
      'America/Sao_Paulo',
    ];
    // Moments around changes of clocks, and around a day that a zone left out.
    const changes = [
      '2026-03-29T01:00:00Z',
      '2026-10-25T01:00:00Z',
      '2021-03-14T10:00:00Z',
      '2021-11-07T09:00:00Z',
      '2011-12-30T10:00:00Z',
      '2018-11-04T03:00:00Z',
      '1965-04-25T10:00:00Z',
    ];
    const moment = fc
      .tuple(fc.constantFrom(...changes), fc.integer({ min: -72 * 60, max: 72 * 60 }))
      .map(([change, minutes]) => Date.parse(change) + minutes * 60_000);
    const sizes = fc.constantFrom(20, 30, 60, 90, 240, 300, 1440);
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        moment,
        sizes,
        fc.constantFrom(0, 10, -10),
        (timeZone, time, minutes, offset) => {
          const kind = tumbling({ ms: minutes * 60_000 }, { timeZone, offset: { ms: offset * 60_000 } });
          expectSound(kind, time);
          const [[start, end] = [0, 0], ...others] = windowsAt(kind, time);
          expect(others).toEqual([]);
          expect(start <= time && time < end).toBe(true);
          // The windows follow one another without a gap.
          expect(windowsAt(kind, end)[0]?.[0]).toBe(end);
          expect(windowsAt(kind, start - 1)[0]?.[1]).toBe(start);
          if (timeZone === 'UTC')
            expect([start, end]).toEqual(
              windowsAt(tumbling({ ms: minutes * 60_000 }, { offset: { ms: offset * 60_000 } }), time)[0],
            );
          if (minutes === 1440 && offset === 0)
            expect([start, end]).toEqual(windowsAt(calendar('day', { timeZone }), time)[0]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('lateness and a beginning keep the windows, close them later, and leave out those before the beginning', () => {
    fc.assert(
      fc.property(
        grids,
        times,
        times,
        fc.integer({ min: 0, max: 500 }),
        ({ size, slide, offset }, time, from, lateness) => {
          const kind = sliding({ ms: size }, { ms: slide }, { offset: { ms: offset } });
          const wrapped = startingIn(withLateness(kind, lateness), from, Number.POSITIVE_INFINITY);
          expect(wrapped.closings(wrapped.sliceOf(time))).toEqual(
            kind.closings(kind.sliceOf(time)).map((end) => end + lateness),
          );
          expect(windowsAt(wrapped, time)).toEqual(windowsAt(kind, time).filter(([start]) => start >= from));
        },
      ),
    );
  });
});

describe('calendar windows', () => {
  const dayOf = (timeZone: string, time: string) =>
    windowsAt(calendar('day', { timeZone }), Date.parse(time))[0]?.map((edge) => new Date(edge).toISOString());

  it('have 23 and 25 hours when clocks change', () => {
    expect(dayOf('Europe/Berlin', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
    expect(dayOf('Europe/Berlin', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ]);
  });

  it('begin after a midnight that does not exist, and skip a day that does not', () => {
    // Brazil changed its clocks at midnight. Samoa crossed the date line and had no 30th of December 2011.
    expect(dayOf('America/Sao_Paulo', '2018-11-04T12:00:00Z')?.[0]).toBe('2018-11-04T03:00:00.000Z');
    expect(dayOf('Pacific/Apia', '2011-12-30T09:59:59Z')).toEqual([
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ]);
    expect(dayOf('Pacific/Apia', '2011-12-30T10:00:00Z')?.[0]).toBe('2011-12-30T10:00:00.000Z');
  });

  it('begin weeks at any day', () => {
    const startOf = (weekStart: 'monday' | 'sunday') =>
      new Date(calendar('week', { timeZone: 'UTC', weekStart }).sliceOf(Date.parse('2026-11-24T00:00:00Z')))
        .toISOString()
        .slice(0, 10);
    expect([startOf('monday'), startOf('sunday')]).toEqual(['2026-11-23', '2026-11-22']);
  });
});
