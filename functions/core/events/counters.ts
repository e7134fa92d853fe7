/**
 * The numbers of events by class. Each received event, after de-aggregation, is in exactly one of the last five classes
 * (DESIGN section 2).
 */
export interface Counters {
  /** All events, those of packed records one by one. */
  readonly received: number;
  /** In a window of a query at least. */
  readonly counted: number;
  /** Refused by all windows of all queries that want them. */
  readonly late: number;
  /** With an id that was there before. */
  readonly duplicate: number;
  /** Not events of the pipeline: garbage, of another schema, without a time, from the future. */
  readonly rejected: number;
  /** Wanted by no query. */
  readonly filtered: number;
}

/** The classes an event can end in, in the order of the law. */
export const eventClasses = ['counted', 'late', 'duplicate', 'rejected', 'filtered'] as const;

export const noEvents: Counters = { received: 0, counted: 0, late: 0, duplicate: 0, rejected: 0, filtered: 0 };

/** The law of conservation: received = counted + late + duplicate + rejected + filtered. */
export function isConserved(counters: Counters): boolean {
  return unaccounted(counters) === 0;
}

/** The number of events by which the law does not hold: above 0 for events in no class, below 0 for events in two. */
export function unaccounted(counters: Counters): number {
  return counters.received - eventClasses.reduce((total, name) => total + counters[name], 0);
}

export function addCounters(left: Counters, right: Counters): Counters {
  return {
    received: left.received + right.received,
    counted: left.counted + right.counted,
    late: left.late + right.late,
    duplicate: left.duplicate + right.duplicate,
    rejected: left.rejected + right.rejected,
    filtered: left.filtered + right.filtered,
  };
}

/**
 * The numbers of one query's (record, window) pairs. An event may be counted by one query and late or filtered for
 * another.
 */
export interface QueryCounters {
  /** In a window of the query at least. */
  readonly counted: number;
  /** Refused by all windows of the query that they belong to. */
  readonly late: number;
  /** Not wanted by the query. */
  readonly filtered: number;
}

export const noPairs: QueryCounters = { counted: 0, late: 0, filtered: 0 };

/** The share of late events among those that a query wants, 0 to 1; 0 when there are none. */
export function lateShare({ counted, late }: QueryCounters): number {
  return late === 0 ? 0 : late / (counted + late);
}

export function addQueryCounters(left: QueryCounters, right: QueryCounters): QueryCounters {
  return {
    counted: left.counted + right.counted,
    late: left.late + right.late,
    filtered: left.filtered + right.filtered,
  };
}
