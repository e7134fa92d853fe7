import type { Value } from './judgement.ts';

/** A row of a query's answer, of either side. */
export interface ResultRow {
  readonly query: string;
  /** Epoch ms; 0 of a window over all of time. */
  readonly start: number;
  readonly end: number;
  /** As SQL's GROUPING; 0 where the query has no totals. */
  readonly grouping: number;
  /** The key, without the fields that are totalled. */
  readonly key: Readonly<Record<string, Value>>;
  /** Of Tidemark: the results. Of DuckDB: what `aggregates.ts` makes of them. */
  readonly values: Readonly<Record<string, Value>>;
}

/** How many events are in each class, of one query. */
export interface PairCounts {
  readonly counted: number;
  readonly late: number;
  readonly filtered: number;
}

/** How many events are in each class. */
export interface ClassCounts extends PairCounts {
  readonly received: number;
  readonly duplicate: number;
  readonly rejected: number;
}

/** An answer to all queries of a case. */
export interface Answer {
  readonly rows: readonly ResultRow[];
  readonly counters: ClassCounts;
  readonly pairs: Readonly<Record<string, PairCounts>>;
}
