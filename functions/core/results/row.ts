import type { Json } from '../aggregates/index.ts';

/** One row of a result: a group key and the aggregates' results, by name. */
export interface Row {
  /** The group-by fields by name; empty for a query without group-by. */
  readonly key: Readonly<Record<string, string | number | boolean | null>>;
  /** The result of each aggregate, by its name in the query. */
  readonly values: Readonly<Record<string, Json>>;
  /**
   * For the rows of `rollup` and `cube`, as SQL's GROUPING: 0 for a group. A total has a bit for each group-by field
   * that it lacks; the last field's bit is the lowest.
   */
  readonly grouping?: number;
}
