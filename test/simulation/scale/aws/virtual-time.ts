import { setImmediate as nextTurn, setTimeout as realTime } from 'node:timers/promises';

/** Time that moves from one event to the next. */
export interface VirtualTime {
  /** Epoch ms. */
  now(): number;
  /** Has something done at a moment; what is due at the same moment is done in the order in which it was asked for. */
  at(ms: number, action: () => void): void;
  /**
   * Has something cut off at a moment, unless it has ended. Work outside of this time, such as a digest that Node makes
   * in a thread, takes none of it: it may end before anything is cut off.
   */
  cutOffAt(ms: number, isUnderWay: () => boolean, action: () => void): void;
  sleep(ms: number): Promise<void>;
  /**
   * Lets time pass until the work has ended.
   * @throws when nothing is due any more and the work has not ended
   */
  run<T>(work: Promise<T>): Promise<T>;
}

interface Due {
  readonly ms: number;
  readonly order: number;
  readonly action: () => void;
  /** Of something that is to be cut off: whether it has not ended. */
  readonly isUnderWay?: () => boolean;
}

/** Looks, some ms of real time apart, for work outside of this time that ends before something is cut off. */
const looks = 100;
const lookMs = 2;

/** Turns of the event loop that a work may take by itself, with nothing due: streams of answers take some. */
const idleTurns = 200;

/** @param startMs epoch ms */
export function virtualTime(startMs: number): VirtualTime {
  let now = startMs;
  let order = 0;
  const heap: Due[] = [];
  const isBefore = (left: Due, right: Due) => left.ms < right.ms || (left.ms === right.ms && left.order < right.order);

  function push(due: Due): void {
    let at = heap.length;
    heap.push(due);
    for (let parent = (at - 1) >> 1; at > 0; at = parent, parent = (at - 1) >> 1) {
      const above = heap[parent];
      if (above === undefined || !isBefore(due, above)) break;
      heap[at] = above;
      heap[parent] = due;
    }
  }

  function pop(): Due | undefined {
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = left;
      const [one, other] = [heap[left], heap[right]];
      if (one === undefined) break;
      if (other !== undefined && isBefore(other, one)) least = right;
      const child = heap[least];
      if (child === undefined || !isBefore(child, last)) break;
      heap[at] = child;
      at = least;
    }
    heap[at] = last;
    return first;
  }

  const time: VirtualTime = {
    now: () => now,
    at(ms, action) {
      push({ ms: Math.max(ms, now), order: order++, action });
    },
    cutOffAt(ms, isUnderWay, action) {
      push({ ms: Math.max(ms, now), order: order++, action, isUnderWay });
    },
    sleep: (ms) => new Promise((resolve) => time.at(now + ms, resolve)),
    async run(work) {
      let ended = false;
      const ending = work.finally(() => {
        ended = true;
      });
      // Whoever awaits it hears of a failure; this only keeps Node from ending the process before that.
      ending.catch(() => {});
      for (let idle = 0; ; ) {
        await nextTurn();
        if (ended) return ending;
        const [next] = heap;
        for (let look = 0; look < looks && next?.isUnderWay?.() === true && heap[0] === next && !ended; look++)
          await realTime(lookMs);
        if (ended) return ending;
        const due = pop();
        // What has ended is not cut off any more, and nobody waits until then.
        if (due?.isUnderWay?.() === false) continue;
        if (due === undefined) {
          if (++idle > idleTurns) throw new Error('nothing is due any more, and the work has not ended');
          if (idle > idleTurns / 2) await realTime(lookMs);
          continue;
        }
        idle = 0;
        now = due.ms;
        due.action();
        // What is due at the same moment does not wait for what follows from it.
        while (heap[0] !== undefined && heap[0].ms === now && heap[0].isUnderWay === undefined) pop()?.action();
      }
    },
  };
  return time;
}
