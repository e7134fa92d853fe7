import type { EventId } from './event-id.ts';

/** Whether an event's id came before within the horizon. */
export type IdVerdict = 'first' | 'duplicate';

/**
 * The ids of a shard's events, each with the moment of its last first occurrence. A duplicate is measured from the
 * occurrence that was counted, not from the duplicate before it. The set is exact over the hashes. Moments are those of
 * the shard's clock, which is the greatest arrival so far, because arrivals may go back a little.
 */
export interface IdSet {
  /**
   * Tells whether the id came at most the horizon ago. If not, this is its first occurrence from now on, at {@link
   * clockMs}.
   */
  judge(id: EventId, arrivalMs: number): IdVerdict;
  /** Notes a first occurrence that was judged elsewhere. Of two occurrences of an id, the later one stays. */
  note(id: EventId, atMs: number): void;
  /** Moves the clock on to a moment, if that is later. */
  advance(toMs: number): void;
  /** Visits every id with the moment of its first occurrence, in no order; some may be out of the horizon. */
  each(visit: (id: EventId, atMs: number) => void): void;
  /** The number of ids that it holds, some of which may be out of the horizon. */
  readonly size: number;
  /** Epoch ms; undefined before the first arrival. */
  readonly clockMs: number | undefined;
}

/** Least number of slots. A slot takes 16 bytes; at most two thirds are in use. */
const leastSlots = 1024;

/**
 * An id set by open addressing in typed arrays: 24 to 48 bytes an id, where a Map would take 100. Ids that have left
 * the horizon are removed when the table is full.
 * @param withinMs the horizon, inclusive; infinite: nothing is forgotten
 */
export function createIdSet(withinMs: number): IdSet {
  let slots = leastSlots;
  let halves = new Uint32Array(2 * slots);
  let moments = emptyMoments(slots);
  let used = 0;
  let clockMs: number | undefined;

  /** The slot of an id, or the empty one where it belongs. */
  function slotOf(high: number, low: number): number {
    for (let slot = low & (slots - 1); ; slot = (slot + 1) & (slots - 1))
      if (Number.isNaN(moments[slot]) || (halves[2 * slot] === high && halves[2 * slot + 1] === low)) return slot;
  }

  function take(slot: number, high: number, low: number, atMs: number): void {
    if (Number.isNaN(moments[slot])) used++;
    halves[2 * slot] = high;
    halves[2 * slot + 1] = low;
    moments[slot] = atMs;
    if (used * 3 > slots * 2) rebuild();
  }

  function rebuild(): void {
    const [oldHalves, oldMoments] = [halves, moments];
    const isLive = (at: number) => (clockMs ?? at) - at <= withinMs;
    const live = oldMoments.reduce((count, at) => (isLive(at) ? count + 1 : count), 0);
    slots = leastSlots;
    while (slots < 3 * live) slots *= 2;
    halves = new Uint32Array(2 * slots);
    moments = emptyMoments(slots);
    used = 0;
    oldMoments.forEach((at, slot) => {
      if (!isLive(at)) return;
      const [high = 0, low = 0] = oldHalves.subarray(2 * slot, 2 * slot + 2);
      take(slotOf(high, low), high, low, at);
    });
  }

  function advance(toMs: number): number {
    clockMs = clockMs === undefined ? toMs : Math.max(clockMs, toMs);
    return clockMs;
  }

  return {
    judge({ high, low }, arrivalMs) {
      const atMs = advance(arrivalMs);
      const slot = slotOf(high, low);
      const since = moments[slot] ?? Number.NaN;
      if (atMs - since <= withinMs) return 'duplicate';
      take(slot, high, low, atMs);
      return 'first';
    },
    note({ high, low }, atMs) {
      const slot = slotOf(high, low);
      const since = moments[slot] ?? Number.NaN;
      if (!(since >= atMs)) take(slot, high, low, atMs);
    },
    advance,
    each(visit) {
      moments.forEach((at, slot) => {
        if (!Number.isNaN(at)) visit({ high: halves[2 * slot] ?? 0, low: halves[2 * slot + 1] ?? 0 }, at);
      });
    },
    get size() {
      return used;
    },
    get clockMs() {
      return clockMs;
    },
  };
}

const emptyMoments = (slots: number) => new Float64Array(slots).fill(Number.NaN);
