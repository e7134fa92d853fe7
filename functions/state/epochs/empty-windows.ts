import { longestDurationMs } from '../../core/arguments/duration.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import { eventTimeBounds } from '../../core/events/event-time.ts';
import { emptyPartials, lastEndOf, windowsEndingIn } from '../../core/fold/empty-windows.ts';
import type { Partials } from '../../core/fold/partial.ts';
import type { EmittedWindow, Window } from '../../core/windows/window.ts';
import { type EmptyPlace, noteEmptyPlace, readEmptyPlace } from '../items/empty-place.ts';
import type { Plan } from '../log/plan.ts';
import type { Table } from '../table/table.ts';
import type { PaneOutline } from '../windows/pane.ts';
import { readFinalHeads, readPanes } from '../windows/pane-reader.ts';
import { windowName } from '../windows/window-view.ts';

/** The inputs of the emission of empty windows. */
export interface EmptyWindowOptions {
  readonly state: Table;
  readonly windows: Table;
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
  readonly publish: (pane: PaneOutline) => Promise<void>;
  /** Writes the final pane of a window that holds nothing; undefined: another one stands. */
  readonly write: (window: Window, partials: Partials) => Promise<PaneOutline | undefined>;
  readonly hasTime: () => boolean;
}

/** The outcome of a run. */
export interface EmittedEmpty {
  readonly windows: number;
  /** All that the epoch has emitted, also by runs before this one; undefined: there are more. */
  readonly emptied: readonly Window[] | undefined;
}

/** Wherever a window may start, epoch ms. */
const allStarts = {
  from: eventTimeBounds.earliest - longestDurationMs,
  to: eventTimeBounds.latest + longestDurationMs,
} as const;

/** Windows that are looked at together. */
const windowsAtATime = 256;

/** Most empty windows of a query in one run: a gap is filled by several, and holds nobody up. */
const mostInARun = 1_024;

/**
 * Emits the final panes of windows in which nothing was counted, from the first window that holds something (or the
 * query's `from`) on. To be called when all windows that close at or before `doneThrough` and hold something have their
 * final panes: one without is empty for ever, for a record of it is late behind the barriers. A pane is written on the
 * condition that no final one is there, so a run that overlaps another, or follows a crash, writes what that one wrote,
 * and publishes it again.
 * @param plan of the epoch: windows that begin after the greatest event time of the stream are of a time that it has not
 * reached, though its end has closed them
 */
export async function emitEmpty(
  options: EmptyWindowOptions,
  query: Query,
  { epoch, closedThrough, maxEventTime }: Pick<Plan, 'epoch' | 'closedThrough' | 'maxEventTime'>,
): Promise<EmittedEmpty> {
  const { state, windows, hasTime } = options;
  const through = Math.min(closedThrough - query.latenessMs, lastEndOf(query, maxEventTime));
  const noted = await readEmptyPlace(state, query);
  let place = noted ?? (await firstPlace(windows, query, through));
  if (place === undefined) return { windows: 0, emptied: [] };
  if (noted === undefined) await noteEmptyPlace(state, query, place);
  const resumedAt = place.end;
  const began = noted?.epoch === epoch && noted.began !== undefined ? noted.began : resumedAt;
  const emitted: Window[] = [];
  while (place.end < through) {
    if (!hasTime() || emitted.length >= mostInARun) return { windows: emitted.length, emptied: undefined };
    const next: PassedStretch = await passStretch(options, query, place, through);
    emitted.push(...next.emitted);
    place = { ...next.place, epoch, began };
    await noteEmptyPlace(state, query, place);
  }
  // What runs before this one have emitted in the epoch lies between where the epoch began and where they came to.
  const before = began < resumedAt ? await emptiesAt(windows, query, epoch, began, resumedAt) : [];
  return { windows: emitted.length, emptied: [...before, ...emitted] };
}

/** The empty windows that an epoch has made final, of those that end in `(after, through]`. */
async function emptiesAt(
  windows: Table,
  query: Query,
  epoch: number,
  after: number,
  through: number,
): Promise<readonly Window[]> {
  const ending = [...windowsEndingIn(query, after, through)];
  const [first, last] = [ending[0], ending.at(-1)];
  if (first === undefined || last === undefined) return [];
  const finals = await readFinalHeads(windows, query, first.start, last.start);
  return ending.filter((window) => {
    const head = finals.get(windowName(window));
    return head !== undefined && head.records === 0 && head.epoch === epoch;
  });
}

/**
 * Of the first window that holds something: it is known once all up to it are final, for an overlapping run may just
 * have made a later one final.
 */
async function firstPlace(windows: Table, query: Query, through: number): Promise<EmptyPlace | undefined> {
  if (Number.isFinite(query.from)) return { end: query.from, run: 0 };
  const [first] = await readPanes(windows, query, { ...allStarts, order: 'ascending', limit: 1, finalOnly: true });
  return first !== undefined && first.end <= through ? { end: first.end, run: 0 } : undefined;
}

interface PassedStretch {
  readonly place: EmptyPlace;
  readonly emitted: readonly Window[];
}

/** Goes over some windows behind a place, at least one end further. */
async function passStretch(
  options: EmptyWindowOptions,
  query: Query,
  { end: after, run: before }: EmptyPlace,
  through: number,
): Promise<PassedStretch> {
  const { windows: table, limit } = options;
  if (before >= query.mostEmpty) {
    // The gap has had its share: on with what is behind it, if there is anything yet.
    const held = await nextHeld(table, query, after, through);
    return { place: held === undefined ? { end: through, run: before } : { end: held.end, run: 0 }, emitted: [] };
  }
  const stretch: EmittedWindow[] = [];
  for (const window of windowsEndingIn(query, after, through)) {
    stretch.push(window);
    if (stretch.length === windowsAtATime) break;
  }
  const [first, last] = [stretch[0], stretch.at(-1)];
  if (first === undefined || last === undefined) return { place: { end: through, run: before }, emitted: [] };
  const finals = await readFinalHeads(table, query, first.start, last.start);
  let run = before;
  let end = after;
  const empty: EmittedWindow[] = [];
  for (const window of stretch) {
    const isHeld = (finals.get(windowName(window))?.records ?? 0) > 0;
    if (!isHeld && run === query.mostEmpty) break;
    run = isHeld ? 0 : run + 1;
    end = window.end;
    if (!isHeld) empty.push(window);
  }
  const written = await Promise.all(empty.map((window) => limit(() => emitOne(options, query, window))));
  return { place: { end, run }, emitted: empty.filter((_, i) => written[i]) };
}

/** False: another pane stands. */
async function emitOne({ write, publish }: EmptyWindowOptions, query: Query, window: Window): Promise<boolean> {
  const pane = await write(window, emptyPartials(query));
  if (pane !== undefined) await publish(pane);
  return pane !== undefined;
}

/** The first final window that ends in `(after, through]`: beyond what a gap may have, none is empty. */
async function nextHeld(windows: Table, query: Query, after: number, through: number): Promise<Window | undefined> {
  const [candidate] = windowsEndingIn(query, after, through);
  if (candidate === undefined) return undefined;
  // Windows that cumulate share a start: those that end earlier lie behind, and taking one of them again would never
  // come to an end.
  const behind = { start: candidate.start, end: candidate.end - 1 };
  const [pane] = await readPanes(windows, query, {
    ...allStarts,
    after: behind,
    order: 'ascending',
    limit: 1,
    finalOnly: true,
  });
  return pane !== undefined && pane.end <= through ? pane : undefined;
}
