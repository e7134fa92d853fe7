import type { Query } from '../../core/definition/pipeline.ts';
import { isoTime } from '../../core/events/event-time.ts';
import { mergeWindow } from '../../core/fold/window-result.ts';
import { edgesPassed } from '../../core/log/due.ts';
import { sectionName } from '../../core/log/section.ts';
import type { KeyedPartial } from '../../core/sessions/join.ts';
import { type EmittedWindow, lastClosing, type Window } from '../../core/windows/window.ts';
import { raiseEmitted } from '../log/epoch.ts';
import { lanesOf, type Plan } from '../log/plan.ts';
import type { Publisher } from '../sinks/outbox.ts';
import { type Attributes, type Key, numberOf, type Table } from '../table/table.ts';
import type { PaneHead, PaneOutline, PaneStatus } from '../windows/pane.ts';
import type { PaneLane } from '../windows/pane-keys.ts';
import { type LaneWritten, laneOfText, laneText, writePaneLane } from '../windows/pane-lane.ts';
import { readPaneHead } from '../windows/pane-reader.ts';
import { revisionAfter, writeOnlyPaneAt, writePaneAt, writePaneManifest } from '../windows/pane-writer.ts';
import { windowName } from '../windows/window-view.ts';
import type { EpochBounds } from './bounds.ts';
import { closedPart, type Emission, inClosingOrder, putEmissions } from './emissions.ts';
import { emitCommands } from './emit-commands.ts';
import { emitEmpty } from './empty-windows.ts';
import { noteFinals } from './final-index.ts';
import { putMark, readDone, type TaskMark, type Touched, touchedBy } from './mark.ts';
import {
  contentOf,
  joinLanes,
  type Lane,
  laneContent,
  lanesOfLane,
  lanesOfQuery,
  type SegmentSlice,
  type SizedContent,
  segmentSlices,
  slicesOfLane,
} from './segment.ts';
import { sessionCloser } from './session-closer.ts';
import type { TaskSet, TasksDone } from './task-runner.ts';
import { noteWorkPlace, readWorkPlace } from './work-place.ts';

/** What a run emits with. */
export interface EmitOptions {
  readonly state: Table;
  readonly windows: Table;
  /** An id that no other run has. */
  readonly runId: string;
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
  /** Puts a pane into the outboxes of the sinks, durably. */
  readonly publish: Publisher['publish'];
  readonly bounds: EpochBounds;
  /** Whether there is time for more windows. */
  readonly hasTime: () => boolean;
  /** When what is not needed any more may go, epoch seconds. */
  readonly expiresAt: number;
  /** When what feeds read of this epoch may go, epoch seconds. */
  readonly feedExpiresAt: number;
  /** Since when the index of the query's emissions is kept, epoch ms. */
  readonly indexedSince: number;
  /** {@link Emitted.windowBytes} of the epoch before. */
  readonly windowBytes: number | undefined;
  /** Resolves when the epoch is gathered: before it is, its segments are read and nothing is written. */
  readonly gathered: Promise<void>;
  /** The marks of an epoch, once it is gathered. */
  readonly marks: (epoch: number) => Promise<readonly TaskMark[]>;
  /** Does tasks. Undefined: some are left. */
  readonly doTasks: (set: TaskSet) => Promise<TasksDone | undefined>;
}

/** The outcome of a query's emission of one epoch. */
export interface Emitted {
  /** Final panes, empty windows among them. */
  readonly finals: number;
  /** Early, on-time and late panes. */
  readonly openPanes: number;
  /** False: there was no time for all of it. */
  readonly done: boolean;
  /** When the next pane of an open window is due that holds something new, epoch ms; undefined: none is. */
  readonly nextPaneAt: number | undefined;
  /** The last closing of any slice in which the query had something, epoch ms; minus infinity: it had nothing. */
  readonly lastClosing: number;
  /** About how many bytes of text the largest of the windows is that became final; undefined: none did. */
  readonly windowBytes: number | undefined;
}

/** Panes of a query, and what is to be done once `emitted` is raised. */
interface PanesEmitted extends Omit<Emitted, 'lastClosing'> {
  readonly after?: () => Promise<void>;
  /** The windows that the epoch closes, in whatever order, also those that a run before this one has emitted. */
  readonly closed: readonly Window[];
}

/** The outcome of the emission of a window. */
type OneEmitted = Pick<PanesEmitted, 'finals' | 'openPanes' | 'nextPaneAt'>;

/**
 * Emits the panes of a query that an epoch makes due, and raises `emitted` to it (DESIGN 4.2, step 5): final panes of
 * the windows that close in (C(e - 1), C(e)], panes of open windows by their age at the plan's clock, and windows in
 * which nothing was counted. All of it follows from the plan, the segments up to the epoch, and the panes of epochs
 * before it. What became final is put into the index of emissions **before** `emitted` is raised. To be called for the
 * epochs of a query in their order.
 * @param lastBefore {@link Emitted.lastClosing} after the epoch before
 */
export async function emitEpoch(options: EmitOptions, plan: Plan, query: Query, lastBefore: number): Promise<Emitted> {
  const { state, hasTime } = options;
  const touching = options.marks(plan.epoch).then((marks) => touchedBy(marks).get(sectionName(query)));
  // A run that fails before it waits for this has its own reason.
  touching.catch(() => {});
  const emitted =
    query.window.sessions === undefined
      ? await emitWindows(options, plan, query, touching)
      : await emitSessions(options, plan, query, touching);
  await options.gathered;
  if (!emitted.done) return { ...emitted, lastClosing: lastBefore };
  let finals = emitted.finals;
  let closed = emitted.closed;
  if (query.mostEmpty > 0) {
    const { windows, emptied } = await emitEmpty(
      {
        ...options,
        write: (window, partials) =>
          writePaneAt(options.windows, query, window, {
            status: 'final',
            epoch: plan.epoch,
            partials,
            records: 0,
            nowMs: plan.at,
          }),
      },
      query,
      plan,
    );
    finals += windows;
    if (emptied === undefined || !hasTime()) return { ...emitted, finals, done: false, lastClosing: lastBefore };
    closed = [...closed, ...emptied];
  }
  const { epoch, closedThrough, at } = plan;
  const { runId, feedExpiresAt, indexedSince } = options;
  const piece = { part: closedPart, attempt: runId, expiresAt: feedExpiresAt };
  const [commanded, touched] = await Promise.all([
    emitCommands(options, plan, query),
    touching,
    putEmissions(state, query.name, plan, emissionsOf(closed), piece),
  ]);
  finals += commanded.finals;
  if (!commanded.done) return { ...emitted, finals, done: false, lastClosing: lastBefore };
  const lastOfAll = touched === undefined ? lastBefore : Math.max(lastBefore, lastClosing(query.window, touched[1]));
  const { nextPaneAt, openPanes } = emitted;
  const windowBytes = emitted.windowBytes ?? options.windowBytes;
  const place = { epoch, closedThrough, nextPaneAt, lastClosing: lastOfAll, at, indexedSince, windowBytes };
  await raiseEmitted(state, query.name, place);
  await emitted.after?.();
  return { finals, openPanes, nextPaneAt, windowBytes, done: true, lastClosing: lastOfAll };
}

/** Windows that an epoch has closed, in the order of their ends. */
function emissionsOf(closed: readonly Window[]): readonly Emission[] {
  return closed.map(({ start, end }): Emission => ({ start, end, status: 'final' })).sort(inClosingOrder);
}

/** A window that is due in an epoch, for its final pane or for another one. */
interface DueWindow extends EmittedWindow {
  readonly isFinal: boolean;
}

/**
 * Emits the windows of a query that an epoch makes due: all at once, or in tasks where they are more than one run should
 * do.
 */
async function emitWindows(
  options: EmitOptions,
  plan: Plan,
  query: Query,
  touching: Promise<Touched | undefined>,
): Promise<PanesEmitted> {
  const pieces = emissionPieces(plan, query, options.bounds, await leastOf(plan, query, touching));
  if (pieces === undefined) return emitAligned(options, plan, query, wholeOf(query));
  await options.gathered;
  const none = { finals: 0, openPanes: 0, nextPaneAt: undefined, closed: [], windowBytes: undefined };
  const done = await options.doTasks(emissionTasks(options, plan, query, pieces));
  if (done === undefined) return { ...none, done: false };
  await done.marked;
  return pieces.some(({ lanes }) => lanes !== undefined)
    ? emitManifests(options, plan, query)
    : { ...none, ...(await emittedByTasks(options, plan, query)), done: true };
}

/** The least slice of the query that any epoch has gathered, where nothing is closed yet. */
async function leastOf(
  { closedBefore, least }: Plan,
  query: Query,
  touching: Promise<Touched | undefined>,
): Promise<number | undefined> {
  if (Number.isFinite(closedBefore)) return undefined;
  const [touched] = (await touching) ?? [];
  const before = least?.[sectionName(query)];
  return touched === undefined || before === undefined ? (touched ?? before) : Math.min(touched, before);
}

/** A task of an emission: windows, or some lanes of them. */
export interface EmissionPiece {
  /** The windows that end in `(afterEnd, throughEnd]`, epoch ms. */
  readonly afterEnd: number;
  readonly throughEnd: number;
  /** Some lanes of all, the last one exclusive; undefined: all lanes, with the manifest. */
  readonly lanes?: { readonly of: number; readonly from: number; readonly to: number };
}

/** Most stretches of time that an emission is cut into. */
const mostStretches = 256;

/**
 * Cuts the windows that an epoch closes into tasks. It follows from the plan and the marks of the epoch.
 * @param least the least slice that holds something, where nothing was closed before
 * @returns undefined: one run does all
 */
export function emissionPieces(
  plan: Plan,
  query: Query,
  { windowsATask, lanesAlone, tasksAlone, taskBytes }: EpochBounds,
  least: number | undefined,
): readonly EmissionPiece[] | undefined {
  const { closedBefore, closedThrough } = plan;
  // Which panes of open windows are due follows from those that stand.
  if (query.earlyMs !== undefined || query.latenessMs > 0 || query.definedKind.isEndless) return undefined;
  if (!edgesPassed({ queries: [query] }, closedBefore, closedThrough)) return undefined;
  const lanes = lanesOf(plan, sectionName(query));
  const from = Number.isFinite(closedBefore) ? closedBefore : (least ?? closedThrough);
  const slices = Math.max(1, Math.ceil((closedThrough - from) / Math.max(query.window.sliceMs, 1)));
  const size = plan.windowBytes?.[query.name] ?? 0;
  const byLane = lanes > lanesAlone;
  const lanesATask = byLane ? lanesOfTask(lanes, size, taskBytes) : lanes;
  const share = (size * lanesATask) / lanes;
  const windows = Math.max(1, Math.min(windowsATask, share === 0 ? windowsATask : Math.floor(taskBytes / share)));
  const stretches = Math.min(mostStretches, Math.ceil(slices / windows));
  if (!byLane && stretches <= tasksAlone) return undefined;
  const pieces: EmissionPiece[] = [];
  for (let i = 0; i < stretches; i++) {
    const edge = (at: number) => from + Math.floor(((closedThrough - from) * at) / stretches);
    const ends = {
      // Windows that hold the least slice may end anywhere behind it.
      afterEnd: i === 0 ? closedBefore : edge(i),
      throughEnd: i === stretches - 1 ? closedThrough : edge(i + 1),
    };
    if (!byLane) pieces.push(ends);
    for (let lane = 0; byLane && lane < lanes; lane += lanesATask)
      pieces.push({ ...ends, lanes: { of: lanes, from: lane, to: lane + lanesATask } });
  }
  return pieces;
}

/** The number of lanes that a task takes, a power of two: those of a window as large as the last one. */
function lanesOfTask(lanes: number, windowBytes: number, taskBytes: number): number {
  let count = 1;
  while (windowBytes > 0 && count < lanes && (windowBytes * count * 2) / lanes <= taskBytes) count *= 2;
  return count;
}

/** The stage of the tasks that emit a query, and of the marks of the lanes that they have written. */
export const emissionStage = (query: string) => `emit#${query}`;
const lanesStage = (query: string) => `lanes#${query}`;

/** The name of a task says all that is done. */
const pieceText = ({ afterEnd, throughEnd, lanes }: EmissionPiece) =>
  `${afterEnd}/${throughEnd}${lanes === undefined ? '' : `/${lanes.of}.${lanes.from}-${lanes.to}`}`;

/** The tasks that emit the windows of a query which an epoch closes. */
function emissionTasks(options: EmitOptions, plan: Plan, query: Query, pieces: readonly EmissionPiece[]): TaskSet {
  const byName = new Map(pieces.map((piece) => [pieceText(piece), piece]));
  return {
    stage: emissionStage(query.name),
    epoch: plan.epoch,
    names: [...byName.keys()],
    expiresAt: options.expiresAt,
    async run(name) {
      const piece = byName.get(name);
      if (piece === undefined) throw new Error(`query ${query.name}: epoch ${plan.epoch} has no task ${name}`);
      const { afterEnd, throughEnd, lanes } = piece;
      const { expiresAt } = options;
      const key = { pk: 'emitting', sk: `${query.name}#${name}` };
      if (lanes === undefined) {
        const { done, finals, closed, windowBytes } = await emitAligned(options, plan, query, {
          afterEnd,
          throughEnd,
          notes: key,
          expiry: { expiresAt },
        });
        const ends = closed.map(({ start, end }) => [start, end]);
        return done ? { touched: { finals, ends, bytes: windowBytes ?? null } } : undefined;
      }
      for (let lane = lanes.from; lane < lanes.to; lane++) {
        const { done } = await emitAligned(options, plan, query, {
          afterEnd,
          throughEnd,
          lane: { lanes: lanes.of, lane },
          notes: { ...key, sk: `${query.name}#${afterEnd}/${throughEnd}/${lanes.of}.${lane}` },
          expiry: { expiresAt },
        });
        if (!done) return undefined;
      }
      return { touched: {} };
    },
  };
}

/**
 * The tasks that emit a query for an epoch, as those who help find them; undefined: there are none.
 */
export async function emissionTasksOf(options: EmitOptions, plan: Plan, query: Query): Promise<TaskSet | undefined> {
  const marks = Number.isFinite(plan.closedBefore) ? [] : await options.marks(plan.epoch);
  const touching = Promise.resolve(touchedBy(marks).get(sectionName(query)));
  const pieces = emissionPieces(plan, query, options.bounds, await leastOf(plan, query, touching));
  return pieces && emissionTasks(options, plan, query, pieces);
}

/** What the tasks of an emission have emitted together. */
async function emittedByTasks({ state }: EmitOptions, { epoch }: Plan, query: Query) {
  let finals = 0;
  let windowBytes: number | undefined;
  const closed: Window[] = [];
  for (const done of (await readDone(state, { stage: emissionStage(query.name), epoch })).values()) {
    // Put by emissionTasks.
    const task = done as {
      readonly finals: number;
      readonly ends: readonly (readonly [number, number])[];
      readonly bytes: number | null;
    };
    finals += task.finals;
    for (const [start, end] of task.ends) closed.push({ start, end });
    if (task.bytes !== null) windowBytes = Math.max(windowBytes ?? 0, task.bytes);
  }
  return { finals, closed, windowBytes };
}

/** What the mark of a lane of a window says. */
interface LaneMark {
  readonly start: number;
  readonly end: number;
  readonly records: number;
  readonly bytes: number;
  /** The lane as text (windows/pane-lane.ts). */
  readonly lane: string;
}

/** Writes one lane of a window, **then** its mark, which is what the manifest is made from. */
async function writeLaneOf(
  { state, windows, limit, expiresAt }: EmitOptions,
  plan: Plan,
  query: Query,
  window: DueWindow,
  { lanes, lane }: PaneLane,
  contents: ReadonlyMap<number, SizedContent>,
): Promise<OneEmitted> {
  const { start, end } = window;
  const slices = window.slices.flatMap((slice) => contents.get(slice) ?? []);
  const records = slices.reduce((total, slice) => total + slice.records, 0);
  const none = { finals: 0, openPanes: 0, nextPaneAt: undefined };
  if (records === 0 && !holds(window, contents)) return none;
  return limit(async () => {
    const standing = await readPaneHead(windows, query, window);
    // The pane of this epoch is out, or a final one of a command.
    const isOut = standing !== undefined && (standing.epoch >= plan.epoch || standing.status === 'final');
    const partials = isOut ? new Map() : mergeWindow(query, slices);
    const written = await writePaneLane(windows, query, window, {
      lanes,
      lane,
      revision: isOut ? standing.revision : revisionAfter(standing),
      partials,
    });
    const mark = { start, end, records, bytes: bytesOf(window, contents), lane: laneText(query, written) };
    const name = `${isoTime(end)}#${isoTime(start)}#${lanes}.${lane}`;
    await putMark(state, { stage: lanesStage(query.name), epoch: plan.epoch }, name, { touched: mark }, expiresAt);
    return none;
  });
}

/**
 * Makes visible the windows whose lanes are all written: the manifests, **then** who hears of them. A lane without a
 * mark holds nothing of a window.
 */
async function emitManifests(options: EmitOptions, plan: Plan, query: Query): Promise<PanesEmitted> {
  const { state, windows, limit, publish, hasTime, bounds } = options;
  const { epoch } = plan;
  const held = new Map<string, LaneMark[]>();
  for (const done of (await readDone(state, { stage: lanesStage(query.name), epoch })).values()) {
    // Put by writeLaneOf.
    const mark = done as unknown as LaneMark;
    const name = windowName(mark);
    held.set(name, [...(held.get(name) ?? []), mark]);
  }
  const all = [...held.values()];
  const closed: Window[] = [];
  let windowBytes: number | undefined;
  let finals = 0;
  const outcome = (done: boolean) => ({ finals, openPanes: 0, nextPaneAt: undefined, closed, windowBytes, done });
  for (let at = 0; at < all.length; at += bounds.windowsAtATime) {
    if (!hasTime()) return outcome(false);
    const group = all.slice(at, at + bounds.windowsAtATime).flatMap((marks) => {
      const [first] = marks;
      const written = marks.map(({ lane }) => laneOfText(query, lane));
      return first === undefined ? [] : [{ window: { start: first.start, end: first.end }, marks, written }];
    });
    const [panes] = await Promise.all([
      Promise.all(
        group.map(({ window, marks, written }) =>
          limit(async () => {
            const records = marks.reduce((total, mark) => total + mark.records, 0);
            const lanes = await allLanes(windows, query, window, written);
            const draft = { status: 'final', epoch, records, nowMs: plan.at, lanes } as const;
            const pane = await writePaneManifest(windows, query, window, draft);
            if (pane !== undefined) await publish(pane);
            return pane === undefined ? 0 : 1;
          }),
        ),
      ),
      noteFinals(
        state,
        plan,
        query,
        group.map(({ window }) => window),
      ),
    ]);
    for (const written of panes) finals += written;
    for (const { window, marks } of group) {
      closed.push(window);
      windowBytes = Math.max(
        windowBytes ?? 0,
        marks.reduce((total, mark) => total + mark.bytes, 0),
      );
    }
  }
  return outcome(true);
}

/** The lanes of a window, also those that hold nothing. */
async function allLanes(
  windows: Table,
  query: Query,
  window: Window,
  written: readonly LaneWritten[],
): Promise<readonly LaneWritten[]> {
  const [first] = written;
  if (first === undefined) return written;
  const { lanes, revision } = first;
  const known = new Map(written.map((one) => [one.lane, one]));
  return Promise.all(
    Array.from(
      { length: lanes },
      (_, lane) =>
        known.get(lane) ?? writePaneLane(windows, query, window, { lanes, lane, revision, partials: new Map() }),
    ),
  );
}

/** Windows that are emitted together: those that end in `(afterEnd, throughEnd]`, or one lane of them. */
interface Stretch {
  /** Epoch ms. */
  readonly afterEnd: number;
  readonly throughEnd: number;
  /** @default all lanes, with the manifest */
  readonly lane?: PaneLane;
  /** Where it is noted how far they are emitted. */
  readonly notes: Key;
  /** The expiry of the note. @default it stays, for the next epoch takes its place */
  readonly expiry?: Attributes;
}

/** All windows of a query that are due. */
const wholeOf = (query: Query): Stretch => ({
  afterEnd: Number.NEGATIVE_INFINITY,
  throughEnd: Number.POSITIVE_INFINITY,
  notes: emittingOf(query),
});

/** Emits windows, or one lane of them. */
async function emitAligned(
  options: EmitOptions,
  plan: Plan,
  query: Query,
  { afterEnd, throughEnd, lane, notes, expiry = {} }: Stretch,
): Promise<PanesEmitted> {
  const { state, hasTime } = options;
  const { windowsAtATime, mostKeys } = options.bounds;
  const { closedBefore, closedThrough, epoch } = plan;
  const hasOpenPanes = query.earlyMs !== undefined || query.latenessMs > 0;
  let doneThrough = afterEnd;
  let windowBytes: number | undefined;
  const contents = new Map<number, SizedContent>();
  let keys = 0;
  const pending = new Map<string, DueWindow>();
  const closed = new Map<string, Window>();
  let least = Number.POSITIVE_INFINITY;
  let finals = 0;
  let openPanes = 0;
  let nextPaneAt: number | undefined;

  const noteThrough = (through: number) => noteWorkPlace(state, notes, epoch, { through, ...expiry });

  /** Emits the windows all of whose slices were read, in the order of their ends. */
  const emitUpTo = async (end: number): Promise<boolean> => {
    if (least > end) return true;
    const due = [...pending]
      .filter(([, window]) => window.end <= end)
      .sort(([, left], [, right]) => left.end - right.end);
    await options.gathered;
    for (let at = 0; at < due.length; at += windowsAtATime) {
      if (!hasTime()) return false;
      const group = due.slice(at, at + windowsAtATime);
      const [outcomes] = await Promise.all([
        Promise.all(
          group.map(([, window]) =>
            lane === undefined
              ? emitOne(options, plan, query, window, contents)
              : writeLaneOf(options, plan, query, window, lane, contents),
          ),
        ),
        noteFinals(
          state,
          plan,
          query,
          group.flatMap(([, window]) =>
            lane === undefined && window.isFinal && holds(window, contents) ? [window] : [],
          ),
        ),
      ]);
      for (const outcome of outcomes) {
        finals += outcome.finals;
        openPanes += outcome.openPanes;
        if (outcome.nextPaneAt !== undefined)
          nextPaneAt = Math.min(nextPaneAt ?? outcome.nextPaneAt, outcome.nextPaneAt);
      }
      for (const [name, window] of group) {
        pending.delete(name);
        if (window.isFinal) windowBytes = Math.max(windowBytes ?? 0, bytesOf(window, contents));
        if (window.isFinal && holds(window, contents)) closed.set(name, window);
      }
      const last = group.at(-1)?.[1];
      // Windows may share an end: the note says below which end all are out. Panes by age are looked at anew.
      const next = due[at + windowsAtATime]?.[1];
      if (last !== undefined && next !== undefined && !hasOpenPanes)
        await noteThrough(next.end > last.end ? last.end : last.end - 1);
    }
    // Windows that are not met yet hold a slice from there on, and end behind it.
    if (due.length > 0 && Number.isFinite(end) && !hasOpenPanes) await noteThrough(end);
    least = Number.POSITIVE_INFINITY;
    let start = Number.POSITIVE_INFINITY;
    for (const window of pending.values()) {
      least = Math.min(least, window.end);
      start = Math.min(start, window.start);
    }
    for (const [slice, { partials }] of contents)
      if (slice < Math.min(start, end)) {
        contents.delete(slice);
        keys -= partials.size;
      }
    return true;
  };

  const outcome = (isDone: boolean) => ({
    finals,
    openPanes,
    nextPaneAt,
    closed: [...closed.values()],
    windowBytes,
    done: isDone,
  });
  // Nothing of the query closes: what is open is not read for nothing.
  if (!hasOpenPanes && !edgesPassed({ queries: [query] }, closedBefore, closedThrough)) return outcome(true);
  const range = {
    from: leastSlice(query, Math.max(closedBefore, afterEnd + query.latenessMs)),
    to: hasOpenPanes ? undefined : Math.min(closedThrough, throughEnd),
  };
  const read = slicesOfLanes(
    state,
    plan,
    range,
    lane === undefined ? lanesOfQuery(plan, query) : laneParts(query, lane),
  );
  const [place, begun] = await Promise.all([readWorkPlace(state, notes, epoch), read.next()]);
  if (place !== undefined) doneThrough = numberOf(place, 'through') ?? doneThrough;
  for (let one = begun; !one.done; one = await read.next()) {
    const { slice, lanes } = one.value;
    if ((pending.size >= windowsAtATime || keys >= mostKeys) && !(await emitUpTo(slice))) return outcome(false);
    let isWanted = false;
    for (const closing of query.window.closings(slice)) {
      const isFinal = closing <= closedThrough;
      if (closing <= closedBefore || (!isFinal && !hasOpenPanes)) continue;
      for (const window of query.window.emit(closing)) {
        const name = windowName(window);
        if (window.end <= afterEnd || window.end > throughEnd) continue;
        if (window.end <= doneThrough) {
          if (isFinal) closed.set(name, window);
          continue;
        }
        if (!isFinal && query.earlyMs === undefined && window.end > closedThrough) continue;
        isWanted = true;
        pending.set(name, { ...window, isFinal });
        least = Math.min(least, window.end);
      }
    }
    if (!isWanted) continue;
    const content =
      lane === undefined
        ? joinLanes(
            query,
            lanes.map(({ segments }) => contentOf(query, segments)),
          )
        : laneContent(query, lane, lanes);
    contents.set(slice, content);
    keys += content.partials.size;
  }
  return outcome(await emitUpTo(Number.POSITIVE_INFINITY));
}

/** Whether anything was counted in a window. */
function holds({ slices }: EmittedWindow, contents: ReadonlyMap<number, SizedContent>): boolean {
  return slices.some((slice) => (contents.get(slice)?.partials.size ?? 0) > 0);
}

/** About how many bytes of text a window is. */
function bytesOf({ slices }: EmittedWindow, contents: ReadonlyMap<number, SizedContent>): number {
  return slices.reduce((total, slice) => total + (contents.get(slice)?.bytes ?? 0), 0);
}

const laneParts = (query: Query, { lanes, lane }: PaneLane) => lanesOfLane(sectionName(query), lanes, lane);

/** The slices of lanes, ascending, each with what the lanes have of it, in the order of the lanes. */
async function* slicesOfLanes(
  state: Table,
  plan: Plan,
  range: { readonly from: number | undefined; readonly to: number | undefined },
  lanes: readonly Lane[],
): AsyncGenerator<{ readonly slice: number; readonly lanes: readonly (SegmentSlice & Pick<Lane, 'lanes'>)[] }> {
  const streams = await Promise.all(
    lanes.map(async (lane) => {
      const stream = segmentSlices(state, lane, range, plan.epoch);
      return { lane, stream, head: await stream.next() };
    }),
  );
  for (;;) {
    let slice = Number.POSITIVE_INFINITY;
    for (const { head } of streams) if (!head.done) slice = Math.min(slice, head.value.slice);
    if (slice === Number.POSITIVE_INFINITY) return;
    const found: (SegmentSlice & Pick<Lane, 'lanes'>)[] = [];
    await Promise.all(
      streams.map(async (one) => {
        if (one.head.done || one.head.value.slice !== slice) return;
        found.push({ ...one.head.value, lanes: one.lane.lanes });
        one.head = await one.stream.next();
      }),
    );
    yield { slice, lanes: found };
  }
}

/**
 * The least slice that a window which closes after a moment can hold; undefined: without a bound. Of the windows that
 * end next, the first start: windows that end later do not begin earlier.
 */
export function leastSlice(
  { definedKind, latenessMs, window: { sessions, sliceMs } }: Query,
  closedBefore: number,
): number | undefined {
  if (!Number.isFinite(closedBefore) || definedKind.isEndless) return undefined;
  // A session with its last record here closes at most this much later, rounded up to a slice.
  if (sessions !== undefined) return closedBefore - (sessions.closingOf(closedBefore) - closedBefore) - sliceMs;
  const after = closedBefore - latenessMs;
  const end = definedKind.closings(definedKind.sliceOf(after)).find((closing) => closing > after);
  const starts = end === undefined ? [] : definedKind.emit(end).map(({ start }) => start);
  return starts.length === 0 ? undefined : Math.min(...starts);
}

async function emitOne(
  options: EmitOptions,
  plan: Plan,
  query: Query,
  window: DueWindow,
  contents: ReadonlyMap<number, SizedContent>,
): Promise<OneEmitted> {
  const { windows, limit, publish } = options;
  const none = { finals: 0, openPanes: 0, nextPaneAt: undefined };
  if (!holds(window, contents)) return none;
  const slices = window.slices.flatMap((slice) => contents.get(slice) ?? []);
  const records = slices.reduce((total, slice) => total + slice.records, 0);
  return limit(async () => {
    const draft = (status: PaneStatus) => ({
      status,
      epoch: plan.epoch,
      partials: mergeWindow(query, slices),
      records,
      nowMs: plan.at,
    });
    let pane: PaneOutline | undefined;
    if (window.isFinal && query.earlyMs === undefined && query.latenessMs === 0)
      pane = await writeOnlyPaneAt(windows, query, window, draft('final'));
    else {
      const standing = await readPaneHead(windows, query, window);
      let status: PaneStatus = 'final';
      if (!window.isFinal) {
        const next = nextPane(query, window.end <= plan.closedThrough, standing, plan);
        if (
          next.status === undefined ||
          (records === standing?.records && next.status !== 'on-time' && standing.epoch !== plan.epoch)
        )
          return { ...none, nextPaneAt: records === standing?.records ? undefined : next.at };
        ({ status } = next);
      }
      pane = await writePaneAt(windows, query, window, draft(status), standing);
    }
    if (pane === undefined) return none;
    await publish(pane);
    return window.isFinal ? { ...none, finals: 1 } : { ...none, openPanes: 1 };
  });
}

/** Which pane an open window is to have next, or when it may have one, as far as its age at the plan's clock says. */
function nextPane(
  { earlyMs, onTime, lateMs }: Query,
  isPassed: boolean,
  standing: PaneHead | undefined,
  plan: Plan,
): { readonly status: PaneStatus | undefined; readonly at: number | undefined } {
  // The pane of this epoch: a run before this one has written it and has not come to tell the sinks.
  if (standing?.epoch === plan.epoch) return { status: standing.status, at: undefined };
  if (standing?.status === 'final') return { status: undefined, at: undefined };
  const byAge = (status: PaneStatus, ageMs: number | undefined) => {
    if (ageMs === undefined) return { status: undefined, at: undefined };
    const at = standing === undefined ? plan.at : standing.emittedAt + ageMs;
    return at <= plan.at ? { status, at } : { status: undefined, at };
  };
  if (!isPassed) return byAge('early', earlyMs);
  if (onTime && (standing === undefined || standing.status === 'early')) return { status: 'on-time', at: plan.at };
  return byAge('late', lateMs);
}

/** Takes the closing of an epoch for sessions: what it has gathered joins what was open after the one before. */
async function emitSessions(
  options: EmitOptions,
  plan: Plan,
  query: Query,
  touching: Promise<Touched | undefined>,
): Promise<PanesEmitted> {
  const { state, windows, publish, limit, expiresAt } = options;
  const { epoch, closedThrough } = plan;
  const closer = sessionCloser(options, query, epoch);
  const touched = await touching;
  const parts: KeyedPartial[] = [];
  if (touched !== undefined)
    for (const lane of lanesOfQuery(plan, query))
      for await (const { segments } of slicesOfLane(state, lane, { from: touched[0], to: touched[1] }, (all) =>
        all.filter(({ from, to }) => from === epoch && to === epoch),
      ))
        parts.push(...contentOf(query, segments).partials);
  const closed = await closer.close(closedThrough, parts);
  await Promise.all(
    closed.map((window) =>
      limit(async () => {
        const draft = {
          status: 'final',
          epoch,
          partials: window.partials,
          records: window.records,
          nowMs: plan.at,
        } as const;
        const pane = await writePaneAt(windows, query, window, draft);
        if (pane !== undefined) await publish(pane);
      }),
    ),
  );
  await closer.carry();
  const after = () => closer.forget(expiresAt);
  return {
    finals: closed.length,
    openPanes: 0,
    nextPaneAt: undefined,
    closed,
    windowBytes: undefined,
    done: true,
    after,
  };
}

/** How far a long emission has come, as the end of its last window. */
const emittingOf = (query: Query) => ({ pk: 'emitting', sk: query.name });
