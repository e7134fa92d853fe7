import type { Table } from './table.ts';

/** Runs a call when its turn comes. */
export type Limit = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * A table with a bound on the calls that are under way at a time. Its callers need no bound of their own. Tables that
 * share a limit share the bound.
 */
export function limitedTable(table: Table, limit: Limit): Table {
  return {
    get: (...call) => limit(() => table.get(...call)),
    query: (...call) => limit(() => table.query(...call)),
    put: (...call) => limit(() => table.put(...call)),
    putAll: (...call) => limit(() => table.putAll(...call)),
    update: (...call) => limit(() => table.update(...call)),
    delete: (...call) => limit(() => table.delete(...call)),
  };
}
