import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { calendar } from '../../functions/core/windows/calendar.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import { zoneOffsets } from '../../functions/core/windows/zone-offsets.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/**
 * Zones with a date that starts twice, that is left out or that comes twice, or with clocks that move by 20 minutes, 30
 * minutes or two hours.
 */
export const oddZones = [
  ...['America/St_Johns', 'America/Goose_Bay', 'America/Moncton', 'Antarctica/Casey', 'Pacific/Apia'],
  ...['Pacific/Kwajalein', 'Australia/Lord_Howe', 'Antarctica/Troll', 'America/Juneau', 'Asia/Manila', 'Asia/Gaza'],
  ...['Africa/Casablanca', 'Africa/Accra', 'America/Sao_Paulo', 'Asia/Beirut', 'Asia/Kathmandu', 'Europe/Dublin'],
];
/** Every change of a zone's clocks in the database, epoch ms, and some of the changes that its rules foresee. */
function changesOf(timeZone: string): readonly number[] {
  const changes: number[] = [];
  const from = Temporal.Instant.fromEpochMilliseconds(Date.UTC(1840, 0, 1)).toZonedDateTimeISO(timeZone);
  for (let at = from.getTimeZoneTransition('next'); at !== null; at = at.getTimeZoneTransition('next')) {
    if (at.epochMilliseconds > Date.UTC(2045, 0, 1)) break;
    changes.push(at.epochMilliseconds);
  }
  return changes;
}

/**
 * Moments around a change at which errors are likely: beside the change, and beside each midnight and hour that it may
 * move.
 */
function momentsAround(change: number): readonly number[] {
  const near = [-1, 0, 1, -minuteMs, minuteMs, -7 * minuteMs, 59 * minuteMs];
  const hours = [-25, -24, -3, -2, -1, 1, 2, 3, 23, 24, 25].map((hours) => hours * hourMs);
  return [...near, ...hours, ...hours.map((ms) => ms - 1)].map((ms) => change + ms);
}

const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item, at) => [(at * 7919) % 10_007, item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);

const windowOf = (kind: WindowKind, time: number) => {
  const start = kind.sliceOf(time);
  const [end] = kind.closings(start);
  return { start, end: end ?? Number.NaN };
};

/**
 * Checks that the window of a time holds it and that no other window does: neighbours touch, and every moment of a
 * window leads to it.
 */
function expectPartition(kind: WindowKind, time: number): void {
  const { start, end } = windowOf(kind, time);
  const found = `${kind.label} at ${time}: [${start}, ${end})`;
  if (!(start <= time && time < end)) expect.fail(`${found} does not hold it`);
  for (const inside of [start, end - 1])
    if (kind.sliceOf(inside) !== start) expect.fail(`${found} is not that of ${inside}`);
  if (kind.sliceOf(end) !== end) expect.fail(`${found} is not where the next one starts`);
  if (windowOf(kind, start - 1).end !== start) expect.fail(`${found} does not start where the one before ends`);
  const [emitted] = kind.emit(end);
  if (emitted?.start !== start) expect.fail(`${found} is not what closes at its end`);
}

/**
 * Tests of windows in these time zones.
 * @param oneIn one in so many of the moments around changes is tried for the bounds of its window
 */
export function testZones(zones: readonly string[], oneIn: number): void {
  describe('windows in a time zone', () => {
    it.each(zones)(
      'hold the time that they are asked for, in any order, around every change of clocks in %s',
      (timeZone) => {
        const moments = changesOf(timeZone).flatMap(momentsAround);
        const kinds = () => [
          ...(['day', 'week', 'month'] as const).map((unit) => calendar(unit, { timeZone })),
          ...(['1 minute', '15 minutes', '1 hour', '4 hours', '1 day'] as const).map((size) =>
            tumbling(size, { timeZone }),
          ),
          tumbling('30 minutes', { timeZone, offset: '10 minutes' }),
        ];
        const forwards = kinds().map((kind) => moments.map((time) => kind.sliceOf(time)));
        for (const order of [[...moments].reverse(), shuffled(moments)])
          for (const [at, kind] of kinds().entries()) {
            const answers = new Map(order.map((time) => [time, kind.sliceOf(time)]));
            expect(moments.map((time) => answers.get(time))).toEqual(forwards[at]);
          }
        const some = moments.filter((_, at) => at % oneIn === 0);
        for (const kind of kinds()) for (const time of some) expectPartition(kind, time);
      },
    );

    it.each(zones)('a day begins where Temporal says that it does, in %s', (timeZone) => {
      const day = calendar('day', { timeZone });
      for (const change of changesOf(timeZone))
        for (const days of [-1, 0, 1]) {
          const start = Temporal.Instant.fromEpochMilliseconds(change + days * dayMs)
            .toZonedDateTimeISO(timeZone)
            .startOfDay().epochMilliseconds;
          if (day.sliceOf(start) !== start)
            expect.fail(`${timeZone}: ${start} begins a day, and ${day.sliceOf(start)} does`);
        }
    });

    it.each(zones)('none is longer than a size that divides what the clocks are moved by, in %s', (timeZone) => {
      const offsets = zoneOffsets(timeZone);
      for (const change of changesOf(timeZone)) {
        const shiftMs = offsets.spanAt(change).offsetMs - offsets.spanAt(change - 1).offsetMs;
        for (const sizeMs of [
          minuteMs,
          5 * minuteMs,
          15 * minuteMs,
          20 * minuteMs,
          30 * minuteMs,
          hourMs,
          2 * hourMs,
        ]) {
          const isAlone = [-1, 1].every((side) => {
            const { start, end } = offsets.spanAt(side < 0 ? change - 1 : change);
            return side < 0 ? start < change - dayMs : end > change + dayMs;
          });
          if (shiftMs % sizeMs !== 0 || !isAlone) continue;
          const kind = tumbling({ ms: sizeMs }, { timeZone });
          for (const time of [change - 1, change, change + shiftMs, change - shiftMs]) {
            const { start, end } = windowOf(kind, time);
            if (end - start !== sizeMs)
              expect.fail(`${timeZone}: [${start}, ${end}) of ${time} is not ${sizeMs} ms long`);
          }
        }
      }
    });
  });
}
