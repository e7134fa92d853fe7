import {
  addCounters,
  addQueryCounters,
  noEvents,
  noPairs,
  type QueryCounters,
  unaccounted,
} from '../../core/events/counters.ts';
import { queryOf } from '../../core/log/section.ts';
import type { ShardProgress } from '../../core/log/totals.ts';
import type { LogSums, PairSums } from '../log/plan.ts';
import { type TaskMark, touchedBy } from './mark.ts';

/** Before the first event. */
export const noSums: LogSums = { counters: noEvents, queries: {} };

/** Adds up the totals of logs. */
export function sumsOf(logs: Iterable<Pick<ShardProgress, 'counters' | 'queries'>>): LogSums {
  let counters = noEvents;
  const queries: Record<string, QueryCounters> = {};
  for (const log of logs) {
    counters = addCounters(counters, log.counters);
    for (const [name, pairs] of Object.entries(log.queries))
      queries[name] = addQueryCounters(queries[name] ?? noPairs, pairs);
  }
  return { counters, queries };
}

/**
 * The number of events by which the first law of conservation does not hold (DESIGN section 2): those in no class or in
 * two, those that are counted in the window of no query, or by a query and not among the events, and late ones that
 * were late for no query. Only an aggregator that forgets an event in all of its books is not found by it.
 */
export function eventsAmiss({ counters, queries }: LogSums): number {
  const pairs = Object.values(queries);
  const sumOf = (name: 'counted' | 'late') => pairs.reduce((total, ofQuery) => total + ofQuery[name], 0);
  const most = Math.max(0, ...pairs.map(({ counted }) => counted));
  const { counted, late } = counters;
  const beyond = (events: number, bound: number) => Math.max(events - bound, 0);
  return (
    Math.abs(unaccounted(counters)) +
    beyond(counted, sumOf('counted')) +
    beyond(most, counted) +
    beyond(late, sumOf('late'))
  );
}

/**
 * The pairs that each query counted between the barriers of two epochs, by its name; queries without any are left out.
 */
export function countedBetween(before: LogSums, after: LogSums): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(after.queries)
      .map(([name, { counted }]): [string, number] => [name, counted - (before.queries[name]?.counted ?? 0)])
      .filter(([, counted]) => counted !== 0),
  );
}

/**
 * The pairs by which the second law of conservation does not hold up to an epoch (DESIGN section 2): for each query the
 * records in the segments of an epoch are the pairs that it counted between the barriers.
 * @param marks of all tasks of the epoch, which is gathered
 * @param names of the queries that are compared: those that this code knows
 * @returns by query; queries for which it holds are left out
 */
export function mismatchesAfter(
  { counted, mismatches }: PairSums,
  marks: readonly TaskMark[],
  names: readonly string[],
): Readonly<Record<string, number>> {
  const held = new Map<string, number>();
  for (const [section, [, , , records]] of touchedBy(marks)) {
    const name = queryOf(section);
    held.set(name, (held.get(name) ?? 0) + records);
  }
  const after: Record<string, number> = { ...mismatches };
  for (const name of names) {
    const difference = Math.abs((held.get(name) ?? 0) - (counted[name] ?? 0));
    if (difference > 0) after[name] = (after[name] ?? 0) + difference;
  }
  return after;
}
