import type { KeyText } from './group-key.ts';
import { heldSessions } from './held-sessions.ts';
import type { Pipeline, Query } from './pipeline.ts';
import type { AcceptedEvent } from './read-event.ts';
import { shardWatermark } from './watermark.ts';
import { lastClosing, type Window } from './window.ts';

/** What one watermark delay would have done to the events, had they come through one shard, one after the other. Times are event time in ms. */
export interface DelayRow {
  readonly delayMs: number;
  /** Events that at least one query wanted. */
  readonly events: number;
  /** Of these, the events that every window refused. */
  readonly late: number;
  /** (record, window) pairs that were refused. */
  readonly latePairs: number;
  /** Windows, of those that hold an event without any delay limit (sessions as all their records make them), and how many of them missed at least one. */
  readonly windows: number;
  readonly affected: number;
  /** Windows that closed within the input, and the median of how far the greatest event time was beyond their end then. */
  readonly closed: number;
  readonly waitMs: number | undefined;
}

/**
 * The delay table: the watermark is raised after every record, so it is the upper bound of what a stream with larger batches loses. One pass, all
 * delays; memory grows with windows and delays, not with events.
 */
export interface DelayTable {
  /**
   * Adds the next event in the order of arrival.
   * @param shardId where it came: each shard has a watermark of its own, and the stream's, the least of them, is behind all. @default one shard
   */
  add(event: AcceptedEvent, shardId?: string): void;
  /** The least delay, in ms, with which at least this share of the wanted events (0 to 1) is not late; 0 when there are none. */
  delayFor(share: number): number;
  /** One row a delay, in the order given. */
  rows(): readonly DelayRow[];
}

/** A window that holds an event, with the moment at which the watermark closes it. */
interface HeldWindow extends Window {
  readonly closing: number;
}

/** A window that an event goes to, and from which watermark on it is refused there: a session may close long after what its record alone would. */
interface Place {
  readonly window: HeldWindow;
  readonly refusedFrom: number;
}

/** What a delay has done so far. */
interface DelayState {
  readonly delayMs: number;
  late: number;
  latePairs: number;
  readonly affected: Set<HeldWindow>;
  readonly open: Set<HeldWindow>;
  /** The least closing of the open windows: below it nothing has to be looked at. */
  nextClosing: number;
  readonly waits: number[];
}

/** @param delaysMs at least 0 each */
export function createDelayTable(pipeline: Pipeline, delaysMs: readonly number[]): DelayTable {
  const states = delaysMs.map(delayState);
  const windows = new Set<HeldWindow>();
  const finders = pipeline.queries.map((query) =>
    query.window.sessions === undefined ? windowFinder(query) : sessionFinder(query, joined),
  );
  let events = 0;
  const maxEventTimes = new Map<string, number>();
  /** Of each event that a delay of 0 would lose, the least one that would not. */
  const needed: number[] = [];

  /** Two sessions turn out to be one. */
  function joined(gone: HeldWindow, into: HeldWindow): void {
    for (const set of [windows, ...states.flatMap(({ affected, open }) => [affected, open])])
      if (set.delete(gone)) set.add(into);
  }

  function refusedBy(state: DelayState, held: readonly Place[], maxEventTime: number): number {
    const watermark = shardWatermark(maxEventTime, state.delayMs);
    let refused = 0;
    for (const { window, refusedFrom } of held) {
      if (refusedFrom <= watermark) {
        refused++;
        state.affected.add(window);
      } else if (!state.open.has(window)) {
        state.open.add(window);
        state.nextClosing = Math.min(state.nextClosing, window.closing);
      }
    }
    return refused;
  }

  function close(state: DelayState, maxEventTime: number): void {
    const watermark = shardWatermark(maxEventTime, state.delayMs);
    if (state.nextClosing > watermark) return;
    state.nextClosing = Number.POSITIVE_INFINITY;
    for (const window of state.open) {
      if (window.closing <= watermark) {
        state.open.delete(window);
        state.waits.push(maxEventTime - window.end);
      } else {
        state.nextClosing = Math.min(state.nextClosing, window.closing);
      }
    }
  }

  return {
    add({ keys, time }, shardId = '') {
      const maxEventTime = maxEventTimes.get(shardId) ?? Number.NEGATIVE_INFINITY;
      const held = pipeline.queries.flatMap((query) => {
        const key = keys[query.index];
        return key === undefined ? [] : (finders[query.index]?.(time, key) ?? []);
      });
      if (held.length > 0) {
        events++;
        for (const { window } of held) windows.add(window);
        // It is late when all its windows refuse it, the last one too: refusedFrom <= W = maxEventTime - delay.
        const tooLateBy = maxEventTime - Math.max(...held.map(({ refusedFrom }) => refusedFrom));
        if (tooLateBy >= 0) needed.push(tooLateBy + 1);
        for (const state of states) {
          const refused = refusedBy(state, held, maxEventTime);
          state.latePairs += refused;
          if (refused === held.length) state.late++;
        }
      }
      // Filtered events raise the watermark too (DESIGN 4.1, step 4).
      if (time <= maxEventTime) return;
      maxEventTimes.set(shardId, time);
      for (const state of states) close(state, time);
    },
    delayFor(share) {
      const mostLate = Math.floor(events * (1 - share) + 1e-9);
      return needed.sort((left, right) => right - left)[mostLate] ?? 0;
    },
    rows: () =>
      states.map(({ delayMs, late, latePairs, affected, waits }) => ({
        delayMs,
        events,
        late,
        latePairs,
        windows: windows.size,
        affected: affected.size,
        closed: waits.length,
        waitMs: median(waits),
      })),
  };
}

function delayState(delayMs: number): DelayState {
  return {
    delayMs,
    late: 0,
    latePairs: 0,
    affected: new Set(),
    open: new Set(),
    nextClosing: Number.POSITIVE_INFINITY,
    waits: [],
  };
}

type Finder = (time: number, key: KeyText) => readonly Place[];

function sessionFinder(query: Query, joined: (gone: HeldWindow, into: HeldWindow) => void): Finder {
  const sessions = heldSessions(query, joined);
  return (time, key) => [{ window: sessions.add(key, time), refusedFrom: lastClosing(query.window, time) }];
}

/** The windows of a query that hold an event time, each window always the same object. */
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

/** The middle value; of an even number of values the lower of the two in the middle, so that it is one that was seen. */
function median(values: readonly number[]): number | undefined {
  return [...values].sort((left, right) => left - right)[(values.length - 1) >> 1];
}
