import type { Window } from './window.ts';
import { floorTo } from './window-edges.ts';
import type { OffsetSpan, ZoneOffsets } from './zone-offsets.ts';

/**
 * The distance from a moment, in ms, within which changes of clocks matter to what the clocks show at that moment. No
 * zone is a day and a half from UTC, and none ever moved its clocks by more than a day. The rest is room.
 */
const reachMs = 4 * 86_400_000;

/**
 * The first moment, epoch ms, at which the clocks of a zone show a time or a later one. Where clocks are put back, it
 * is the first of the two moments. A time that clocks leave out comes when they are put forward. So the moment never
 * falls as the time rises.
 * @param shown the clocks' time, as the epoch ms at which the clocks of UTC show it
 */
export function firstShown(zone: ZoneOffsets, shown: number): number {
  for (let span = zone.spanAt(shown - reachMs); ; span = zone.spanAt(span.end))
    if (shown < span.end + span.offsetMs) return Math.max(span.start, shown - span.offsetMs);
}

/**
 * The window that holds a moment, of a grid on the clocks of a zone.
 *
 * Where the size divides the length by which the clocks are moved, the grid goes on over the change as if there were
 * none: it lies on the same times of day before and after. The hour that comes twice has windows of its own each time,
 * as with PostgreSQL's `date_trunc`, and no window is longer than the size. Elsewhere an edge is where the clocks first
 * show it, as in Flink's windows with a local time zone: a window over the change is shorter or longer for it. A window
 * that lies wholly in the time that is left out does not exist.
 */
export function windowOnClocks(zone: ZoneOffsets, sizeMs: number, offsetMs: number, time: number): Window {
  const span = zone.spanAt(time);
  const edge = floorTo(time + span.offsetMs - offsetMs, sizeMs) + offsetMs;
  const start = edge - span.offsetMs;
  if (start - reachMs >= span.start && start + sizeMs < span.end) return { start, end: start + sizeMs };
  return windowNearChange(clockAround(zone, span, start, sizeMs), sizeMs, edge, time);
}

/**
 * Clocks that follow only those changes whose length the size of a window does not divide. On its grid they agree with
 * the zone's.
 */
interface GridClock {
  /** The first moment at which they show a time or a later one, as {@link firstShown}. */
  firstShown(shown: number): number;
}

/**
 * The grid's clock around a span.
 * @param span in which the clock shows the same time as the zone's
 * @param from the earliest moment that is asked for, less than a change of clocks
 */
function clockAround(zone: ZoneOffsets, span: OffsetSpan, from: number, sizeMs: number): GridClock {
  const onGrid = (left: OffsetSpan, right: OffsetSpan, offsetMs: number) =>
    (right.offsetMs - left.offsetMs) % sizeMs === 0 ? offsetMs : offsetMs + (right.offsetMs - left.offsetMs);
  let first = span;
  let firstOffsetMs = span.offsetMs;
  while (first.start > from - reachMs) {
    const before = zone.spanAt(first.start - 1);
    firstOffsetMs = onGrid(first, before, firstOffsetMs);
    first = before;
  }
  return {
    firstShown(shown) {
      let at = first;
      let shownOffsetMs = firstOffsetMs;
      while (shown >= at.end + shownOffsetMs) {
        const next = zone.spanAt(at.end);
        shownOffsetMs = onGrid(at, next, shownOffsetMs);
        at = next;
      }
      return Math.max(at.start, shown - shownOffsetMs);
    },
  };
}

function windowNearChange(clock: GridClock, sizeMs: number, edge: number, time: number): Window {
  for (let from = edge; ; from += sizeMs) {
    const end = clock.firstShown(from + sizeMs);
    if (end > time) return { start: clock.firstShown(from), end };
  }
}
