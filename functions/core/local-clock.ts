import { Temporal } from 'temporal-polyfill';
import type { Window } from './window.ts';
import { floorTo } from './window-edges.ts';

/** What the clocks of a time zone show at a moment, as the epoch ms at which those of UTC show it. */
function shownAt(timeZone: string, time: number): number {
  return Temporal.Instant.fromEpochMilliseconds(time)
    .toZonedDateTimeISO(timeZone)
    .toPlainDateTime()
    .toZonedDateTime('UTC').epochMilliseconds;
}

/**
 * The first moment at which the clocks of a time zone show a time or a later one. Where they are put back it is the first of the two; a time that they leave out comes when
 * they are put forward. So it never falls as the time rises.
 */
function firstShown(timeZone: string, shown: number): number {
  const plain = Temporal.Instant.fromEpochMilliseconds(shown).toZonedDateTimeISO('UTC').toPlainDateTime();
  let before = plain.toZonedDateTime(timeZone, { disambiguation: 'earlier' }).epochMilliseconds;
  if (shownAt(timeZone, before) === shown) return before;
  let after = plain.toZonedDateTime(timeZone, { disambiguation: 'later' }).epochMilliseconds;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (shownAt(timeZone, middle) < shown) before = middle;
    else after = middle;
  }
  return after;
}

/**
 * The window of a grid on the clocks of a time zone that holds a moment: as Flink's tumbling windows with a local time zone, whose edges are times of day. One over a change of
 * clocks is shorter or longer for it, and one that lies in what is left out is none.
 */
export function windowOnClocks(timeZone: string, sizeMs: number, offsetMs: number, time: number): Window {
  let edge = floorTo(shownAt(timeZone, time) - offsetMs, sizeMs) + offsetMs;
  for (;;) {
    const end = firstShown(timeZone, edge + sizeMs);
    if (end > time) return { start: firstShown(timeZone, edge), end };
    edge += sizeMs;
  }
}
