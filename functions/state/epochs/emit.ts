import type { Query } from '../../core/definition/pipeline.ts';
import { mergeWindow } from '../../core/fold/window-result.ts';
import { edgesPassed } from '../../core/log/due.ts';
import { sectionName } from '../../core/log/section.ts';
import type { KeyedPartial } from '../../core/sessions/join.ts';
import { type EmittedWindow, lastClosing, type Window } from '../../core/windows/window.ts';
import { raiseEmitted } from '../log/epoch.ts';
import type { Plan } from '../log/plan.ts';
import type { Publisher } from '../sinks/outbox.ts';
import { numberOf, type Table } from '../table/table.ts';
import type { PaneHead, PaneOutline, PaneStatus } from '../windows/pane.ts';
import { readPaneHead } from '../windows/pane-reader.ts';
import { writeOnlyPaneAt, writePaneAt } from '../windows/pane-writer.ts';
import { windowName } from '../windows/window-view.ts';
import type { EpochBounds } from './bounds.ts';
import { closedPart, type Emission, inClosingOrder, putEmissions } from './emissions.ts';
import { emitCommands } from './emit-commands.ts';
import { emitEmpty } from './empty-windows.ts';
import { noteFinals } from './final-index.ts';
import { type TaskMark, type Touched, touchedBy } from './mark.ts';
import {
  contentOf,
  joinLanes,
  lanesOfQuery,
  type SegmentSlice,
  type SliceContent,
  segmentSlices,
  slicesOfLane,
} from './segment.ts';
import { sessionCloser } from './session-closer.ts';
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
  /** Resolves when the epoch is gathered: before it is, its segments are read and nothing is written. */
  readonly gathered: Promise<void>;
  /** The marks of an epoch, once it is gathered. */
  readonly marks: (epoch: number) => Promise<readonly TaskMark[]>;
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
}

/** Panes of a query, and what is to be done once `emitted` is raised. */
interface PanesEmitted extends Omit<Emitted, 'lastClosing'> {
  readonly after?: () => Promise<void>;
  /** The windows that the epoch closes, in whatever order, also those that a run before this one has emitted. */
  readonly closed: readonly Window[];
}

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
      ? await emitAligned(options, plan, query)
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
  const place = { epoch, closedThrough, nextPaneAt, lastClosing: lastOfAll, at, indexedSince };
  await raiseEmitted(state, query.name, place);
  await emitted.after?.();
  return { finals, openPanes, nextPaneAt, done: true, lastClosing: lastOfAll };
}

/** Windows that an epoch has closed, in the order of their ends. */
function emissionsOf(closed: readonly Window[]): readonly Emission[] {
  return closed.map(({ start, end }): Emission => ({ start, end, status: 'final' })).sort(inClosingOrder);
}

/** A window that is due in an epoch, for its final pane or for another one. */
interface DueWindow extends EmittedWindow {
  readonly isFinal: boolean;
}

async function emitAligned(options: EmitOptions, plan: Plan, query: Query): Promise<PanesEmitted> {
  const { state, hasTime } = options;
  const { windowsAtATime, mostKeys } = options.bounds;
  const { closedBefore, closedThrough, epoch } = plan;
  const hasOpenPanes = query.earlyMs !== undefined || query.latenessMs > 0;
  let doneThrough = Number.NEGATIVE_INFINITY;
  const contents = new Map<number, SliceContent>();
  let keys = 0;
  const pending = new Map<string, DueWindow>();
  const closed = new Map<string, Window>();
  let least = Number.POSITIVE_INFINITY;
  let finals = 0;
  let openPanes = 0;
  let nextPaneAt: number | undefined;

  const noteThrough = (through: number) => noteWorkPlace(state, emittingOf(query), epoch, { through });

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
        Promise.all(group.map(([, window]) => emitOne(options, plan, query, window, contents))),
        noteFinals(
          state,
          plan,
          query,
          group.flatMap(([, window]) => (window.isFinal && holds(window, contents) ? [window] : [])),
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

  const outcome = (isDone: boolean) => ({ finals, openPanes, nextPaneAt, closed: [...closed.values()], done: isDone });
  // Nothing of the query closes: what is open is not read for nothing.
  if (!hasOpenPanes && !edgesPassed({ queries: [query] }, closedBefore, closedThrough)) return outcome(true);
  const range = { from: leastSlice(query, closedBefore), to: hasOpenPanes ? undefined : closedThrough };
  const read = slicesOfQuery(state, plan, query, range);
  const [place, begun] = await Promise.all([readWorkPlace(state, emittingOf(query), epoch), read.next()]);
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
    const content = joinLanes(
      query,
      lanes.map(({ segments }) => contentOf(query, segments)),
    );
    contents.set(slice, content);
    keys += content.partials.size;
  }
  return outcome(await emitUpTo(Number.POSITIVE_INFINITY));
}

/** Whether anything was counted in a window. */
function holds({ slices }: EmittedWindow, contents: ReadonlyMap<number, SliceContent>): boolean {
  return slices.some((slice) => (contents.get(slice)?.partials.size ?? 0) > 0);
}

/** The slices of a query over all its lanes, ascending. */
async function* slicesOfQuery(
  state: Table,
  plan: Plan,
  query: Query,
  range: { readonly from: number | undefined; readonly to: number | undefined },
): AsyncGenerator<{ readonly slice: number; readonly lanes: readonly SegmentSlice[] }> {
  const streams = await Promise.all(
    lanesOfQuery(plan, query).map(async (lane) => {
      const stream = segmentSlices(state, lane, range, plan.epoch);
      return { stream, head: await stream.next() };
    }),
  );
  for (;;) {
    let slice = Number.POSITIVE_INFINITY;
    for (const { head } of streams) if (!head.done) slice = Math.min(slice, head.value.slice);
    if (slice === Number.POSITIVE_INFINITY) return;
    const lanes: SegmentSlice[] = [];
    await Promise.all(
      streams.map(async (one) => {
        if (one.head.done || one.head.value.slice !== slice) return;
        lanes.push(one.head.value);
        one.head = await one.stream.next();
      }),
    );
    yield { slice, lanes };
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
  contents: ReadonlyMap<number, SliceContent>,
): Promise<Omit<PanesEmitted, 'done' | 'closed'>> {
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
  return { finals: closed.length, openPanes: 0, nextPaneAt: undefined, closed, done: true, after };
}

/** How far a long emission has come, as the end of its last window. */
const emittingOf = (query: Query) => ({ pk: 'emitting', sk: query.name });
