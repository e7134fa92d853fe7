import { calendar } from '../../functions/core/windows/calendar.ts';
import { tumbling } from '../../functions/core/windows/tumbling.ts';
import type { WindowKind } from '../../functions/core/windows/window.ts';
import type { Random } from '../../functions/testing/random.ts';

/** The clocks of a time zone by which the windows of the first query lie. */
export interface Clocks {
  readonly timeZone: string;
  /** A unit of the calendar, or tumbling windows of some hours. */
  readonly unit: 'day' | 'week' | 'month' | 'hours';
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

type Change = readonly [timeZone: string, at: string];

/**
 * Changes of clocks of all kinds: forward and back, at midnight, with the same midnight twice, over midnight, by half
 * an hour, by a whole day, and before 1970.
 */
const changes: readonly [Change, ...Change[]] = [
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/Sao_Paulo', '2017-10-15T03:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['America/Havana', '2026-11-01T05:00:00Z'],
  ['America/St_Johns', '2010-11-07T02:31:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ['Europe/London', '1968-02-18T02:00:00Z'],
];

/** The times of a simulation on its clocks. */
export interface OnClocks {
  readonly clocks: Clocks;
  /** The length of a window without a change of clocks, ms. */
  readonly windowMs: number;
  readonly epochMs: number;
}

/** Draws clocks that change while `runWindows` windows pass. */
export function drawClocks(random: Random, runWindows: number): OnClocks {
  const [timeZone, change] = random.pick(changes);
  const unit = random.pick(['day', 'day', 'week', 'month', 'hours', 'hours', 'hours'] as const);
  const windowMs = { day: dayMs, week: 7 * dayMs, month: 30 * dayMs, hours: random.pick([1, 3, 4, 12]) * hourMs }[unit];
  const before = runWindows * windowMs * (0.2 + 0.6 * random.unit());
  return { clocks: { timeZone, unit }, windowMs, epochMs: Date.parse(change) - Math.round(before) };
}

/**
 * The windows on some clocks.
 * @param windowMs the length of windows of some hours
 */
export function clockWindows({ timeZone, unit }: Clocks, windowMs: number): WindowKind {
  if (unit === 'hours') return tumbling({ ms: windowMs }, { timeZone });
  return calendar(unit, unit === 'week' ? { timeZone, weekStart: 'sunday' } : { timeZone });
}

/**
 * The oracle of windows on clocks: the number of the window in which a moment lies, from the clock time that Node.js's
 * own calendar shows at that moment. Moments of one window have the same number, and moments of different windows have
 * different ones. A window begins where its first time is first shown. Times that are shown again after clocks were put
 * back belong to the window that has begun, unless its size divides the shift.
 */
export function clockLabels(clocks: Clocks, windowMs: number): (time: number) => number {
  const shown = shownIn(clocks.timeZone);
  const known = new Map<number, number>();
  const isRepeated = clocks.unit === 'hours' && dividesShift(shown, clocks, windowMs);
  const labelOf = (time: number): number => {
    if (isRepeated) return Math.floor(shown(time) / windowMs) * windowMs - (shown(time) - time);
    const label = labelShown(clocks, windowMs, shown(time));
    const change = lastChange(shown, time);
    return change === undefined ? label : Math.max(label, labelShown(clocks, windowMs, shown(change - 1)));
  };
  return (time) => {
    const label = known.get(time) ?? labelOf(time);
    known.set(time, label);
    return label;
  };
}

/** The clock time of a zone at a moment, as the epoch ms at which the clocks of UTC show it. */
function shownIn(timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-u-ca-iso8601', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (time) => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (
      ['year', 'month', 'day', 'hour', 'minute', 'second'] as const
    ).map((type) => parts.get(type));
    return Date.UTC(year, month - 1, day, hour, minute, second) + (time - Math.floor(time / 1000) * 1000);
  };
}

function labelShown({ unit }: Clocks, windowMs: number, shown: number): number {
  if (unit === 'hours') return Math.floor(shown / windowMs);
  const at = new Date(shown);
  if (unit === 'month') return at.getUTCFullYear() * 12 + at.getUTCMonth();
  const date = Math.floor(shown / dayMs);
  // The first of January 1970 was a Thursday, four days after a Sunday.
  return unit === 'day' ? date : Math.floor((date + 4) / 7);
}

/** Whether windows of some hours divide the shift of the zone's clocks between winter and summer. */
function dividesShift(shown: (time: number) => number, { timeZone }: Clocks, windowMs: number): boolean {
  const change = Date.parse(changes.find(([zone]) => zone === timeZone)?.[1] ?? '');
  const offset = (month: number) => {
    const time = Date.UTC(new Date(change).getUTCFullYear(), month, 1);
    return shown(time) - time;
  };
  const shiftMs = offset(0) - offset(6);
  return shiftMs !== 0 && shiftMs % windowMs === 0;
}

/** The last change of the clocks in the two hours up to a moment; undefined when there was none. */
function lastChange(shown: (time: number) => number, time: number): number | undefined {
  const offset = (at: number) => shown(at) - at;
  let before = time - 2 * hourMs;
  let after = time;
  if (offset(before) === offset(after)) return undefined;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offset(middle) === offset(time)) after = middle;
    else before = middle;
  }
  return after;
}
