/** Virtual time, with the actions that are due, in order. Nothing here waits for real time. */
export interface Scheduler {
  /** Epoch ms. */
  now(): number;
  /**
   * Runs an action after a delay. Actions that are due at the same moment run in the order in which they were
   * scheduled.
   */
  after(delayMs: number, run: () => void): void;
  /**
   * Runs the next action. Returns false when none is left. The caller lets all promises settle before the next step.
   */
  step(): boolean;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export function createScheduler(startMs: number): Scheduler {
  /** A binary heap. */
  const heap: Entry[] = [];
  let now = startMs;
  let order = 0;

  function push(entry: Entry): void {
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  function pop(): Entry | undefined {
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      let below = heap[child];
      if (below === undefined) break;
      const other = heap[child + 1];
      if (other !== undefined && isBefore(other, below)) {
        child++;
        below = other;
      }
      if (!isBefore(below, last)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = last;
    return first;
  }

  return {
    now: () => now,
    after(delayMs, run) {
      push({ at: now + Math.max(0, delayMs), order: order++, run });
    },
    step() {
      const next = pop();
      if (next === undefined) return false;
      now = next.at;
      next.run();
      return true;
    },
  };
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
