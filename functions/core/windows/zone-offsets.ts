import { Temporal } from 'temporal-polyfill';

/** A stretch of time, `[start, end)` in epoch ms, in which the clocks of a zone are one offset ahead of UTC's. */
export interface OffsetSpan {
  /** Minus infinity for the first one. */
  readonly start: number;
  /** Infinity for the last one. */
  readonly end: number;
  /** The time of the clocks minus UTC, in ms; negative in the west. */
  readonly offsetMs: number;
}

/**
 * The offset of a zone at any time. It depends on the time alone. The spans that are kept make it fast, and do not
 * change any answer.
 */
export interface ZoneOffsets {
  /** The stretch that holds a time, epoch ms. */
  spanAt(time: number): OffsetSpan;
}

/** Most spans kept of a zone: thousands of years of them, in less than a megabyte. */
const mostKept = 8192;

const zones = new Map<string, ZoneOffsets>();

/**
 * The offsets of an IANA time zone, by the rules of the Node.js that runs this (`process.versions.tz`).
 * @param timeZone a name that `checkedTimeZone` accepts
 */
export function zoneOffsets(timeZone: string): ZoneOffsets {
  const known = zones.get(timeZone);
  if (known !== undefined) return known;
  const made = offsetsOf(timeZone);
  zones.set(timeZone, made);
  return made;
}

function offsetsOf(timeZone: string): ZoneOffsets {
  /** By start, ascending; not all of time is covered. */
  let spans: OffsetSpan[] = [];

  const spanFound = (time: number): OffsetSpan => {
    const after = firstAfter(spans, time);
    const known = spans[after - 1];
    if (known !== undefined && time < known.end) return known;
    const found = readSpan(timeZone, time);
    if (spans.length === mostKept) spans = [];
    spans.splice(firstAfter(spans, time), 0, found);
    return found;
  };
  return { spanAt: remembered(spanFound) };
}

/**
 * The length of a block of time, in ms: some six days, so that few blocks hold a change of clocks. It is a power of
 * two, by which division is quick.
 */
const blockMs = 2 ** 29;

/** Most blocks with something remembered, a power of two: 70 years of them. */
export const mostBlocks = 4096;

/** The place of a moment's block among those that are remembered, from 0. Other blocks have the same place. */
export function placeOf(time: number): number {
  return Math.floor(time / blockMs) & (mostBlocks - 1);
}

/**
 * Remembers the latest answer of each block of time. An answer is given again only for a time that it holds, so what is
 * given does not depend on what was asked before.
 * @param find the stretch that holds a time
 */
export function remembered<Stretch extends Pick<OffsetSpan, 'start' | 'end'>>(
  find: (time: number) => Stretch,
): (time: number) => Stretch {
  const latest = new Array<Stretch | undefined>(mostBlocks).fill(undefined);
  return (time) => {
    const place = placeOf(time);
    const known = latest[place];
    if (known !== undefined && time >= known.start && time < known.end) return known;
    const found = find(time);
    latest[place] = found;
    return found;
  };
}

/** The number of spans that start at or before a time. It is the index of the first that starts later. */
function firstAfter(spans: readonly OffsetSpan[], time: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((spans[middle]?.start ?? Number.POSITIVE_INFINITY) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The greatest time of Temporal, epoch ms: 100 million days on either side of the epoch. */
const mostMs = 8.64e15;

function readSpan(timeZone: string, time: number): OffsetSpan {
  // A change of clocks belongs to the span that it begins, and "previous" means strictly before.
  const at = zonedAt(timeZone, Math.floor(time) + 1);
  const start = at.getTimeZoneTransition('previous')?.epochMilliseconds ?? Number.NEGATIVE_INFINITY;
  const from = zonedAt(timeZone, time);
  return {
    start,
    end: from.getTimeZoneTransition('next')?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
    offsetMs: from.offsetNanoseconds / 1e6,
  };
}

function zonedAt(timeZone: string, time: number): Temporal.ZonedDateTime {
  const inRange = Math.min(mostMs, Math.max(-mostMs, Math.floor(time)));
  return Temporal.Instant.fromEpochMilliseconds(inRange).toZonedDateTimeISO(timeZone);
}
