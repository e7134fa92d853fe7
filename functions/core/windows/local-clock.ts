import type { Window } from './window.ts';
import { floorTo } from './window-edges.ts';
import { mostBlocks, type OffsetSpan, placeOf, remembered, type ZoneOffsets } from './zone-offsets.ts';

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
 * A stretch of time, `[start, end)` in epoch ms, in which clocks are one offset ahead of UTC's, or are moved only by
 * multiples of a step.
 */
interface PlainStretch {
  readonly start: number;
  readonly end: number;
  /** The offset in it, whatever the multiple. */
  readonly offsetMs: number;
  /** From here on, the clocks show what follows from the offset, and nothing before it shows the same time. */
  readonly from: number;
}

/** Most spans that are put together on either side of one: some eight years. */
const mostTogether = 16;

/**
 * The stretches of a zone by moments, which many windows lie wholly in. A time may be in several of them, which lead to
 * the same edges.
 * @param stepMs clocks that are moved by multiples of it go on as if they were not; infinity: no others than none
 */
export function plainStretches(zone: ZoneOffsets, stepMs: number): (time: number) => PlainStretch {
  const bySpan = new WeakMap<OffsetSpan, PlainStretch>();
  return remembered((time) => {
    const span = zone.spanAt(time);
    const known = bySpan.get(span);
    if (known !== undefined) return known;
    const found = stretchAround(zone, span, stepMs);
    bySpan.set(span, found);
    return found;
  });
}

function stretchAround(zone: ZoneOffsets, span: OffsetSpan, stepMs: number): PlainStretch {
  const goesOn = (left: OffsetSpan, right: OffsetSpan) => (right.offsetMs - left.offsetMs) % stepMs === 0;
  let [first, last] = [span, span];
  let before = beforeOf(zone, first);
  for (let i = 0; i < mostTogether && before !== undefined && goesOn(before, first); i++) {
    first = before;
    before = beforeOf(zone, first);
  }
  for (let i = 0; i < mostTogether && Number.isFinite(last.end); i++) {
    const next = zone.spanAt(last.end);
    if (!goesOn(last, next)) break;
    last = next;
  }
  return { start: first.start, end: last.end, offsetMs: span.offsetMs, from: firstPlain(first, before) };
}

function beforeOf(zone: ZoneOffsets, { start }: OffsetSpan): OffsetSpan | undefined {
  return Number.isFinite(start) ? zone.spanAt(start - 1) : undefined;
}

/** The first moment of a span whose shown time was not shown before. */
function firstPlain({ start, offsetMs }: OffsetSpan, before: OffsetSpan | undefined): number {
  if (before === undefined) return start;
  // Not even the clocks of the span before that reach over a long one.
  const isLong = before.end - before.start > reachMs;
  return start + (isLong ? Math.max(0, before.offsetMs - offsetMs) : reachMs);
}

/**
 * The starts of windows on the clocks of a zone, as a function that gives that of the window which holds a moment.
 * Within a stretch it follows from the offset. What is remembered of the stretches only says which offset to try.
 * @param floorOf the latest edge, as the clocks show it, that is not later than a time, as they show it
 * @param startOf the same as the result, for the moments that are too near to a change of clocks
 */
export function startsOnClocks(
  stretchAt: (time: number) => PlainStretch,
  floorOf: (shown: number) => number,
  startOf: (time: number) => number,
): (time: number) => number {
  /** For each block of time: the offset, `from` and the end of its latest stretch. */
  let stretches: Float64Array | undefined;
  const startNear = (time: number, at: number): number => {
    stretches ??= new Float64Array(3 * mostBlocks).fill(Number.NaN);
    const { offsetMs, from, end } = stretchAt(time);
    stretches[at] = offsetMs;
    stretches[at + 1] = from;
    stretches[at + 2] = end;
    const start = floorOf(time + offsetMs) - offsetMs;
    return start >= from ? start : startOf(time);
  };
  return (time) => {
    const at = 3 * placeOf(time);
    if (stretches !== undefined) {
      const offsetMs = stretches[at] ?? Number.NaN;
      const start = floorOf(time + offsetMs) - offsetMs;
      // Edges from here on were not shown before. So this one is first shown at `start`, and the next one later than
      // `time`.
      if (start >= (stretches[at + 1] ?? Number.NaN) && time < (stretches[at + 2] ?? Number.NaN)) return start;
    }
    return startNear(time, at);
  };
}

/** Windows that cover all of time, by a moment that they hold. */
export interface WindowsOnClocks {
  windowAt(time: number): Window;
  /** The start of that window: several times faster than the window. */
  startOf(time: number): number;
}

/**
 * The windows of a grid on the clocks of a zone.
 *
 * Where the size divides the length by which the clocks are moved, the grid goes on over the change as if there were
 * none: it lies on the same times of day before and after. The hour that comes twice has windows of its own each time,
 * as with PostgreSQL's `date_trunc`, and no window is longer than the size. Elsewhere an edge is where the clocks first
 * show it, as in Flink's windows with a local time zone: a window over the change is shorter or longer for it. A window
 * that lies wholly in the time that is left out does not exist.
 */
export function windowsOnClocks(zone: ZoneOffsets, sizeMs: number, offsetMs: number): WindowsOnClocks {
  const stretchAt = plainStretches(zone, sizeMs);
  const windowAt = (time: number): Window => {
    const stretch = stretchAt(time);
    const aheadMs = stretch.offsetMs - offsetMs;
    const start = floorTo(time + aheadMs, sizeMs) - aheadMs;
    if (start >= stretch.from && start + sizeMs < stretch.end) return { start, end: start + sizeMs };
    return windowOnClocks(zone, sizeMs, offsetMs, time);
  };
  const floorOf = (shown: number) => floorTo(shown - offsetMs, sizeMs) + offsetMs;
  return { windowAt, startOf: startsOnClocks(stretchAt, floorOf, (time) => windowAt(time).start) };
}

/** The window that holds a moment ({@link windowsOnClocks}), by the zone's spans alone. */
export function windowOnClocks(zone: ZoneOffsets, sizeMs: number, offsetMs: number, time: number): Window {
  const span = zone.spanAt(time);
  const edge = floorTo(time + span.offsetMs - offsetMs, sizeMs) + offsetMs;
  const start = edge - span.offsetMs;
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
