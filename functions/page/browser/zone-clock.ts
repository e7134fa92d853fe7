/** What the clocks and the calendar of a time zone show. All moments are epoch ms. */
export interface ZoneClock {
  readonly timeZone: string;
  /** `2016-07-26 02:00`, with the units below a minute only where they are not zero. */
  time(ms: number): string;
  /** As {@link ZoneClock.time}, cut to the second: nobody reads moving times more exactly. */
  moment(ms: number): string;
  /** `02:00`, as {@link ZoneClock.time} without the day. */
  clock(ms: number): string;
  /** `2016-07-26`. */
  day(ms: number): string;
  /** `2016-07-26 02:00–03:00`; a day, a month or days where a window is whole ones. */
  window(start: number, end: number): string;
  /** The moment at which the clocks show a text such as `2016-07-26T02:00`; the first of two. NaN: not a time. */
  parse(text: string): number;
  /** The text for {@link ZoneClock.parse}. */
  input(ms: number): string;
}

/** The time zone of whoever looks at the page. */
export const viewersZone = new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

const clocks = new Map<string, ZoneClock>();

/** The clock of a zone, made once. One that this browser does not know is taken for UTC. */
export function zoneClock(timeZone: string): ZoneClock {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const made = createClock(timeZone);
  clocks.set(timeZone, made);
  return made;
}

/** Moments that are remembered: a table shows the same ones in each of its rows. */
const mostKnown = 5000;

const dayMs = 86_400_000;

interface Shown {
  readonly day: string;
  /** `02:00:00.000` */
  readonly clock: string;
  readonly offsetMs: number;
}

function createClock(wanted: string): ZoneClock {
  const format = formatOf(wanted);
  const { timeZone } = format.resolvedOptions();
  const known = new Map<number, Shown>();

  function at(ms: number): Shown {
    const found = known.get(ms);
    if (found !== undefined) return found;
    const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const millis = String(((ms % 1000) + 1000) % 1000).padStart(3, '0');
    const day = `${String(part.year).padStart(4, '0')}-${part.month}-${part.day}`;
    const clock = `${part.hour}:${part.minute}:${part.second}.${millis}`;
    const shown = { day, clock, offsetMs: Date.parse(`${day}T${clock}Z`) - ms };
    if (known.size >= mostKnown) known.clear();
    known.set(ms, shown);
    return shown;
  }

  const time = (ms: number) => `${at(ms).day} ${short(at(ms).clock)}`;
  const isMidnight = (ms: number) => at(ms).clock === '00:00:00.000';

  function window(start: number, end: number): string {
    const [from, to] = [at(start), at(end)];
    if (isMidnight(start) && isMidnight(end) && end > start) return days(from.day, at(end - 1).day);
    // In the hour that comes twice, clocks alone do not tell the two.
    const [first, second] =
      from.offsetMs === to.offsetMs ? ['', ''] : [offsetText(from.offsetMs), offsetText(to.offsetMs)];
    if (from.day === at(end - 1).day && end - start < dayMs)
      return `${time(start)}${first}–${short(to.clock)}${second}`;
    return `${time(start)}${first} – ${time(end)}${second}`;
  }

  return {
    timeZone,
    time,
    moment: (ms) => time(Math.floor(ms / 1000) * 1000),
    clock: (ms) => short(at(ms).clock),
    day: (ms) => at(ms).day,
    window,
    parse(text) {
      const asUtc = Date.parse(`${text}Z`);
      if (Number.isNaN(asUtc)) return asUtc;
      // The offset before a change of the clocks is tried first: of an hour that comes twice it gives the first.
      const earlier = asUtc - at(asUtc - dayMs).offsetMs;
      return earlier + at(earlier).offsetMs === asUtc ? earlier : asUtc - at(asUtc + dayMs).offsetMs;
    },
    input: (ms) => `${at(ms).day}T${at(ms).clock.slice(0, 8)}`,
  };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const options = {
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  } as const;
  try {
    return new Intl.DateTimeFormat('en', { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en', { ...options, timeZone: 'UTC' });
  }
}

/** Whole days: one, a month, or the first and the last. */
function days(first: string, last: string): string {
  if (first === last) return first;
  const [year, month] = first.split('-').map(Number);
  const lastOfMonth = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).toISOString().slice(0, 10);
  return first.endsWith('-01') && last === lastOfMonth ? first.slice(0, 7) : `${first} – ${last}`;
}

function short(clock: string): string {
  return clock.replace(/\.000$/, '').replace(/^(\d\d:\d\d):00$/, '$1');
}

/** `+02` or `+05:30`. */
function offsetText(ms: number): string {
  const minutes = Math.abs(Math.round(ms / 60_000));
  const two = (number: number) => String(number).padStart(2, '0');
  const rest = minutes % 60 === 0 ? '' : `:${two(minutes % 60)}`;
  return `${ms < 0 ? '−' : '+'}${two(Math.floor(minutes / 60))}${rest}`;
}
