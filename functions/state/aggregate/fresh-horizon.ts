import { type Horizon, readHorizon } from '../items/horizon.ts';
import type { Table } from '../table/table.ts';

/** Reads of the horizon shared by those who wait for one at the same time. */
export interface FreshHorizon {
  /** The horizon as last read, at once: it can only be too low. */
  readonly last: Horizon;
  /**
   * The horizon from a strong read that begins after this call: the only kind that is evidence (DESIGN 4.1, step 3 b).
   */
  read(): Promise<Horizon>;
}

export function freshHorizon(state: Table): FreshHorizon {
  const unread = Number.NEGATIVE_INFINITY;
  let last: Horizon = { watermark: unread, closedThrough: unread, finalizedThrough: unread };
  let running: Promise<Horizon> | undefined;
  let next: Promise<Horizon> | undefined;
  const start = () => {
    next = undefined;
    const read = readHorizon(state).then((horizon) => {
      last = horizon;
      return horizon;
    });
    const settled = read.finally(() => {
      if (running === settled) running = undefined;
    });
    running = settled;
    return settled;
  };
  return {
    get last() {
      return last;
    },
    read() {
      if (running === undefined) return start();
      // One that is under way began too early; the next one serves everybody who comes until it starts.
      next ??= running.then(start, start);
      return next;
    },
  };
}
