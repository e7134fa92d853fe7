import type { ShownQuery } from './api.ts';

/** The view that an address describes. The same address shows the same to everybody. */
export interface View {
  readonly query: string | undefined;
  readonly aggregate: string | undefined;
  /** The number of the newest windows to show, unless there is a range. */
  readonly last: number;
  /** Starts of windows, ISO 8601 or epoch ms as the API takes them; either makes a range. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly filter: string;
  /** A column of the table, with `-` before it for the greatest first. */
  readonly sort: string;
}

/** Choices of the number of windows. The greatest is the most that the API gives at once. */
export const lasts = [12, 24, 60, 168, 1000] as const;

/** Two and a half days of hours, or an hour of minutes. */
const usualLast = 60;
const usualSort = '-window';

export function readView(search: string): View {
  const given = new URLSearchParams(search);
  const last = Number(given.get('last'));
  return {
    query: given.get('query') ?? undefined,
    aggregate: given.get('aggregate') ?? undefined,
    last: Number.isInteger(last) && last >= 1 && last <= 1000 ? last : usualLast,
    from: given.get('from') || undefined,
    to: given.get('to') || undefined,
    filter: given.get('filter') ?? '',
    sort: given.get('sort') ?? usualSort,
  };
}

/** The part of the address behind `?`, without the defaults. */
export function writeView({ query, aggregate, last, from, to, filter, sort }: View): string {
  const given = new URLSearchParams();
  const set = (name: string, value: string | undefined) =>
    void (value === undefined || value === '' || given.set(name, value));
  set('query', query);
  set('aggregate', aggregate);
  if (from === undefined && to === undefined && last !== usualLast) set('last', String(last));
  set('from', from);
  set('to', to);
  set('filter', filter);
  if (sort !== usualSort) set('sort', sort);
  return given.toString();
}

/** Whether another set of windows is asked for. */
export function asksOther(one: View, other: View): boolean {
  return one.query !== other.query || one.last !== other.last || one.from !== other.from || one.to !== other.to;
}

/**
 * The query that a view shows: the named one, or the one that its name without a version stands for. The first one when
 * none is named.
 */
export function shownQuery(queries: readonly ShownQuery[], { query }: View): ShownQuery | undefined {
  if (query === undefined) return queries[0];
  return queries.find(({ name }) => name === query) ?? queries.find(({ serves }) => serves === query);
}

/** The aggregate that a view shows: the named one if the query has it, or the query's first. */
export function shownAggregate({ aggregates }: ShownQuery, { aggregate }: View): string {
  return aggregate !== undefined && Object.hasOwn(aggregates, aggregate)
    ? aggregate
    : (Object.keys(aggregates)[0] ?? '');
}
