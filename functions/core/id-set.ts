import type { EventId } from './event-id.ts';

/** Whether an event's id came before, within the horizon. */
export type IdVerdict = 'first' | 'duplicate';

/**
 * The ids that came, each with the moment of its last first occurrence: a duplicate is measured from the occurrence that was counted, not from the
 * duplicate before it. Exact over the hashes; moments only grow from call to call.
 */
export interface IdSet {
  /** Tells whether the id came at most `withinMs` ago; if not, it is the first from now on. */
  judge(id: EventId, atMs: number): IdVerdict;
  /** Notes a first occurrence that somebody else judged; of two, the later one stays. */
  note(id: EventId, atMs: number): void;
  /** Every id, in no order, as high and low half in turn; some may be out of the horizon. */
  ids(): Uint32Array<ArrayBuffer>;
}

/** A slot takes 16 bytes; at most two thirds are in use. */
const leastSlots = 1024;

/**
 * Open addressing in typed arrays: 24 to 48 bytes an id, where a Map would take 100. What has left the horizon goes when the table is full.
 * @param withinMs the horizon, inclusive; infinite: nothing is forgotten
 */
export function createIdSet(withinMs: number): IdSet {
  let slots = leastSlots;
  let halves = new Uint32Array(2 * slots);
  let moments = emptyMoments(slots);
  let used = 0;
  let latestMs = Number.NEGATIVE_INFINITY;

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
    const isLive = (at: number) => latestMs - at <= withinMs;
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

  return {
    judge({ high, low }, atMs) {
      latestMs = Math.max(latestMs, atMs);
      const slot = slotOf(high, low);
      const since = moments[slot] ?? Number.NaN;
      if (atMs - since <= withinMs) return 'duplicate';
      take(slot, high, low, atMs);
      return 'first';
    },
    note({ high, low }, atMs) {
      latestMs = Math.max(latestMs, atMs);
      const slot = slotOf(high, low);
      const since = moments[slot] ?? Number.NaN;
      if (!(since >= atMs)) take(slot, high, low, atMs);
    },
    ids() {
      let count = 0;
      const ids = new Uint32Array(2 * used);
      moments.forEach((at, slot) => {
        if (!Number.isNaN(at)) ids.set(halves.subarray(2 * slot, 2 * slot + 2), 2 * count++);
      });
      return ids;
    },
  };
}

const emptyMoments = (slots: number) => new Float64Array(slots).fill(Number.NaN);
