import { isoTime } from '../events/event-time.ts';
import type { Pipeline, Query } from './pipeline.ts';

/**
 * The composition of a query's state. Two definitions whose layouts differ cannot go on with one another's entries,
 * segments and windows. Functions (`where`, group-by and aggregate functions, the event's schema) cannot be compared,
 * so they are not part of it.
 */
export interface QueryLayout {
  readonly window: string;
  readonly groupBy: readonly string[];
  /**
   * By name in results: the kind, the field where it was given by name, and parameters: `sum of amount`, `topK of page
   * (k 10, capacity 100)`.
   */
  readonly aggregates: Readonly<Record<string, string>>;
  /** Where the query begins, ISO 8601; absent: with its deployment. */
  readonly from?: string;
}

/** The layout of a query. */
export function layoutOf({ window, groupBy, aggregateNames, aggregates, from }: Query): QueryLayout {
  const described = aggregateNames.map((name, i) => {
    const { kind = '', field, parameters } = aggregates[i] ?? {};
    return [
      name,
      `${kind}${field === undefined ? '' : ` of ${field}`}${parameters === undefined ? '' : ` (${parameters})`}`,
    ] as const;
  });
  const begin = Number.isFinite(from) ? { from: isoTime(from) } : {};
  return { window: window.label, groupBy, aggregates: Object.fromEntries(described), ...begin };
}

/** The layouts of all queries, by name. */
export function layoutsOf({ queries }: Pipeline): Readonly<Record<string, QueryLayout>> {
  return Object.fromEntries(queries.map((query) => [query.name, layoutOf(query)]));
}

/**
 * The changes from one layout to another, for people: `window was tumbling 3600000 ms and is tumbling 60000 ms`. Empty
 * when nothing has changed.
 */
export function layoutChanges(before: QueryLayout, after: QueryLayout): readonly string[] {
  const changes: string[] = [];
  const compare = (what: string, was: string | undefined, is: string | undefined) => {
    if (was !== is) changes.push(`${what} was ${was ?? 'absent'} and is ${is ?? 'absent'}`);
  };
  compare('window', before.window, after.window);
  compare('groupBy', before.groupBy.join(', ') || 'nothing', after.groupBy.join(', ') || 'nothing');
  for (const name of new Set([...Object.keys(before.aggregates), ...Object.keys(after.aggregates)]))
    compare(`aggregate ${name}`, before.aggregates[name], after.aggregates[name]);
  compare('from', before.from, after.from);
  return changes;
}

/** The remedy for a query whose layout has changed. */
export const changeRemedy =
  'what was counted cannot be changed so: take the change back, or give the changed query a version beside this one, NAME@2 (docs/EVOLUTION.md)';
