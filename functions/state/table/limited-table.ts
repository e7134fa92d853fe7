import type { Table } from './table.ts';

/** Runs a call when its turn comes. */
export type Limit = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * A table whose calls all go through a limit, such as a bound on those that are under way at a time: its callers need
 * none of their own then. Tables that share a limit share the bound.
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
