import type { Pipeline, Query } from '../definition/pipeline.ts';
import type { KeyText } from '../events/group-key.ts';
import type { AcceptedEvent } from '../fold/read-event.ts';
import { shardWatermark } from '../fold/watermark.ts';
import { lastClosing, type Window } from '../windows/window.ts';
import { heldSessions } from './held-sessions.ts';

/** The effect that one watermark delay would have had on the events that a query wants. Times are event time in ms. */
export interface QueryDelay {
  readonly query: string;
  /** The number of events that the query wanted, and how many of these were refused by every window of the query. */
  readonly events: number;
  readonly late: number;
  /** The query's windows, as in {@link DelayRow}. */
  readonly windows: number;
  readonly affected: number;
  readonly closed: number;
  readonly waitMs: number | undefined;
}

/** The least delays, in ms, with which at least a share of the events is not late; 0 where there are no events. */
export interface KeepingDelay {
  /** The delay that keeps the share in every query: the greatest of the queries' delays. */
  readonly delayMs: number;
  /** The query that needs this delay; undefined when no query needs any. */
  readonly worst: string | undefined;
  /** By name of the query: the delay that keeps the share of the events that it wants. */
  readonly queries: Readonly<Record<string, number>>;
  /**
   * The delay that keeps the share of the events for at least one query each. It says little about a query with short
   * windows beside one with long windows.
   */
  readonly eventsDelayMs: number;
}

/**
 * The effect that one watermark delay would have had on the events, had they come through one shard, one after the
 * other. Times are event time in ms.
 */
export interface DelayRow {
  readonly delayMs: number;
  /** The number of events that at least one query wanted. */
  readonly events: number;
  /** The number of these that every window refused. */
  readonly late: number;
  /** The number of (record, window) pairs that were refused. */
  readonly latePairs: number;
  /**
   * The number of windows that hold an event without any delay limit (sessions as all their records make them), and how
   * many of them missed at least one event.
   */
  readonly windows: number;
  readonly affected: number;
  /**
   * The number of windows that closed within the input, and the median of how far the greatest event time was beyond
   * their end then.
   */
  readonly closed: number;
  readonly waitMs: number | undefined;
  /**
   * The same numbers query by query, in the order of the pipeline. An event that a daily window takes may still be lost
   * to an hourly one.
   */
  readonly queries: readonly QueryDelay[];
}

/**
 * The delay table. The watermark is raised after every record, so the table is the upper bound of the losses of a
 * stream with larger batches. One pass for all delays. Memory grows with windows and delays, not with events.
 */
export interface DelayTable {
  /**
   * Adds the next event in the order of arrival.
   * @param shardId the shard through which it came. Each shard has a watermark of its own, and the stream's, the least
   * of them, is behind all. @default one shard
   */
  add(event: AcceptedEvent, shardId?: string): void;
  /** The delays that keep at least this share, from 0 to 1. */
  delayFor(share: number): KeepingDelay;
  /** One row for each delay, in the order given. */
  rows(): readonly DelayRow[];
}

/** A window that holds an event, with the watermark at which it closes. */
interface HeldWindow extends Window {
  readonly closing: number;
}

/**
 * A window that an event goes to, with the watermark from which the window refuses the event. A session may close long
 * after the moment that the event's record alone would give.
 */
interface Place {
  readonly window: HeldWindow;
  readonly refusedFrom: number;
}

/** The places of an event in one query. */
interface QueryPlaces {
  readonly index: number;
  readonly places: readonly Place[];
}

/** The number of wanted events, and for each event that a delay of 0 would lose the least delay that would not. */
interface Needs {
  events: number;
  readonly delaysMs: number[];
}

/** The effects of one delay so far. Arrays are by position of the query. */
interface DelayState {
  readonly delayMs: number;
  late: number;
  latePairs: number;
  readonly lateFor: number[];
  readonly affected: readonly Set<HeldWindow>[];
  readonly open: readonly Set<HeldWindow>[];
  /** The least closing of the open windows. Below it nothing has to be looked at. */
  nextClosing: number;
  readonly waits: readonly number[][];
}

/** @param delaysMs at least 0 each */
export function createDelayTable(pipeline: Pipeline, delaysMs: readonly number[]): DelayTable {
  const { queries } = pipeline;
  const states = delaysMs.map((delayMs) => delayState(delayMs, queries));
  const windows = queries.map(() => new Set<HeldWindow>());
  const finders = queries.map((query) =>
    query.window.sessions === undefined
      ? windowFinder(query)
      : sessionFinder(query, (gone, into) => replaceJoined(query.index, gone, into)),
  );
  const needs: Needs = { events: 0, delaysMs: [] };
  const needsOf = queries.map((): Needs => ({ events: 0, delaysMs: [] }));
  const maxEventTimes = new Map<string, number>();

  /** Puts a session in the place of another one that has become part of it. */
  function replaceJoined(index: number, gone: HeldWindow, into: HeldWindow): void {
    for (const sets of [windows, ...states.flatMap(({ affected, open }) => [affected, open])]) {
      const set = sets[index];
      if (set?.delete(gone)) set.add(into);
    }
  }

  return {
    add({ keys, time }, shardId = '') {
      const maxEventTime = maxEventTimes.get(shardId) ?? Number.NEGATIVE_INFINITY;
      const held = queries.flatMap(({ index }): QueryPlaces[] => {
        const key = keys[index];
        const places = key === undefined ? [] : (finders[index]?.(time, key) ?? []);
        return places.length === 0 ? [] : [{ index, places }];
      });
      for (const { index, places } of held) {
        for (const { window } of places) windows[index]?.add(window);
        need(needsOf[index], maxEventTime, places);
      }
      if (held.length > 0) {
        const places = held.flatMap((one) => one.places);
        need(needs, maxEventTime, places);
        for (const state of states) take(state, held, maxEventTime);
      }
      // Filtered events raise the watermark too (DESIGN 4.1, step 4).
      if (time <= maxEventTime) return;
      maxEventTimes.set(shardId, time);
      for (const state of states) close(state, time);
    },
    delayFor(share) {
      const each = queries.map(({ name, index }) => [name, keeping(needsOf[index], share)] as const);
      const delayMs = Math.max(0, ...each.map(([, own]) => own));
      return {
        delayMs,
        worst: delayMs === 0 ? undefined : each.find(([, own]) => own === delayMs)?.[0],
        queries: Object.fromEntries(each),
        eventsDelayMs: keeping(needs, share),
      };
    },
    rows: () =>
      states.map((state) => ({
        delayMs: state.delayMs,
        events: needs.events,
        late: state.late,
        latePairs: state.latePairs,
        ...windowCounts(windows, state.affected, state.waits),
        queries: queries.map(({ name, index }) => ({
          query: name,
          events: needsOf[index]?.events ?? 0,
          late: state.lateFor[index] ?? 0,
          ...windowCounts(at(windows, index), at(state.affected, index), at(state.waits, index)),
        })),
      })),
  };
}

/**
 * Notes the delay that an event needs. The event is late when all its windows refuse it, the last one too: refusedFrom
 * <= W = maxEventTime - delay.
 */
function need(needs: Needs | undefined, maxEventTime: number, places: readonly Place[]): void {
  if (needs === undefined) return;
  needs.events++;
  const tooLateBy = maxEventTime - Math.max(...places.map(({ refusedFrom }) => refusedFrom));
  if (tooLateBy >= 0) needs.delaysMs.push(tooLateBy + 1);
}

/** The least delay with which at least a share of the events is not late. */
function keeping({ events, delaysMs }: Needs = { events: 0, delaysMs: [] }, share: number): number {
  const mostLate = Math.floor(events * (1 - share) + 1e-9);
  return delaysMs.sort((left, right) => right - left)[mostLate] ?? 0;
}

/** Adds an event to the windows that still take it, and counts the refusals of the others. */
function take(state: DelayState, held: readonly QueryPlaces[], maxEventTime: number): void {
  const watermark = shardWatermark(maxEventTime, state.delayMs);
  let lateFor = 0;
  for (const { index, places } of held) {
    let refused = 0;
    for (const { window, refusedFrom } of places) {
      if (refusedFrom <= watermark) {
        refused++;
        state.affected[index]?.add(window);
      } else if (!state.open[index]?.has(window)) {
        state.open[index]?.add(window);
        state.nextClosing = Math.min(state.nextClosing, window.closing);
      }
    }
    state.latePairs += refused;
    if (refused < places.length) continue;
    lateFor++;
    state.lateFor[index] = (state.lateFor[index] ?? 0) + 1;
  }
  if (lateFor === held.length) state.late++;
}

function close(state: DelayState, maxEventTime: number): void {
  const watermark = shardWatermark(maxEventTime, state.delayMs);
  if (state.nextClosing > watermark) return;
  state.nextClosing = Number.POSITIVE_INFINITY;
  for (const [index, open] of state.open.entries())
    for (const window of open) {
      if (window.closing <= watermark) {
        open.delete(window);
        state.waits[index]?.push(maxEventTime - window.end);
      } else {
        state.nextClosing = Math.min(state.nextClosing, window.closing);
      }
    }
}

function delayState(delayMs: number, queries: readonly Query[]): DelayState {
  return {
    delayMs,
    late: 0,
    latePairs: 0,
    lateFor: queries.map(() => 0),
    affected: queries.map(() => new Set()),
    open: queries.map(() => new Set()),
    nextClosing: Number.POSITIVE_INFINITY,
    waits: queries.map(() => []),
  };
}

/** The numbers of the windows of some queries. */
function windowCounts(
  windows: readonly ReadonlySet<HeldWindow>[],
  affected: readonly ReadonlySet<HeldWindow>[],
  waits: readonly (readonly number[])[],
) {
  const sizeOf = (sets: readonly ReadonlySet<HeldWindow>[]) => sets.reduce((total, { size }) => total + size, 0);
  const all = waits.flat();
  return { windows: sizeOf(windows), affected: sizeOf(affected), closed: all.length, waitMs: median(all) };
}

function at<One>(all: readonly One[], index: number): readonly One[] {
  return all.slice(index, index + 1);
}

type Finder = (time: number, key: KeyText) => readonly Place[];

function sessionFinder(query: Query, onJoined: (gone: HeldWindow, into: HeldWindow) => void): Finder {
  const sessions = heldSessions(query, onJoined);
  return (time, key) => [{ window: sessions.add(key, time), refusedFrom: lastClosing(query.window, time) }];
}

/** Finds the windows of a query that hold an event time. The same window is always the same object. */
function windowFinder({ window }: Query): Finder {
  const bySlice = new Map<number, readonly Place[]>();
  const known = new Map<string, HeldWindow>();
  return (time) => {
    const slice = window.sliceOf(time);
    const found = bySlice.get(slice);
    if (found !== undefined) return found;
    const held: Place[] = [];
    for (const closing of window.closings(slice)) {
      for (const { start, end, slices } of window.emit(closing)) {
        if (!slices.includes(slice)) continue;
        const name = `${start}/${end}`;
        const one = known.get(name) ?? { start, end, closing };
        known.set(name, one);
        held.push({ window: one, refusedFrom: closing });
      }
    }
    bySlice.set(slice, held);
    return held;
  };
}

/**
 * The middle value. Of an even number of values it is the lower of the two in the middle, so that it is one that was
 * seen.
 */
function median(values: readonly number[]): number | undefined {
  return [...values].sort((left, right) => left - right)[(values.length - 1) >> 1];
}
