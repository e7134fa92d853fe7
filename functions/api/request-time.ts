import pLimit from 'p-limit';
import { limitedTable } from '../state/table/limited-table.ts';
import { OutOfTime } from '../state/table/out-of-time.ts';
import type { Table } from '../state/table/table.ts';
import type { Tables } from '../state/table/tables.ts';

/** The longest that a request reads, ms: API Gateway waits for 29 s. */
export const mostReadMs = 20_000;

/** What a function keeps of its time to send the answer, ms. */
const reserveMs = 1_500;

/** Calls to the tables that one request has under way at a time. */
const callsAtATime = 32;

/** The time of one request. */
export interface RequestTime {
  isOver(): boolean;
  /**
   * The tables, for a share of the time: with a bound of the calls under way, and no call after that. Calls throw
   * OutOfTime then.
   */
  tables(share: number): Tables;
}

/**
 * @param now epoch ms
 * @param remainingMs what is left to the function
 */
export function requestTime(tables: Tables, now: () => number, remainingMs: number): RequestTime {
  const beganMs = now();
  const allMs = Math.max(0, Math.min(mostReadMs, remainingMs - reserveMs));
  const isOver = (share: number) => now() - beganMs >= allMs * share;
  const limit = pLimit(callsAtATime);
  const bounded = (table: Table, share: number) =>
    limitedTable(table, (call) =>
      limit(() => {
        if (isOver(share)) throw new OutOfTime();
        return call();
      }),
    );
  return {
    isOver: () => isOver(1),
    tables: (share) => ({
      meter: tables.meter,
      state: bounded(tables.state, share),
      windows: bounded(tables.windows, share),
      rejects: bounded(tables.rejects, share),
    }),
  };
}
