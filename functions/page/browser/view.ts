import type { ShownQuery } from './api.ts';

/** How keys are drawn. `auto`: few as bars, more as lines, and stacked where there are others besides. */
export const forms = ['auto', 'lines', 'stack', 'each'] as const;
export type Form = (typeof forms)[number];

/** On whose clocks event times are shown. */
export const zoneChoices = ['query', 'utc', 'yours'] as const;
export type ZoneChoice = (typeof zoneChoices)[number];

/** The view that an address describes. The same address shows the same to everybody, but for a zone of one's own. */
export interface View {
  readonly query: string | undefined;
  readonly aggregate: string | undefined;
  /** The number of the newest windows to show, unless there is a range or a span. */
  readonly last: number;
  /** One of {@link spans}: the windows of that long before the newest event. */
  readonly span: string | undefined;
  /** Starts of windows, ISO 8601 or epoch ms as the API takes them; either makes a range. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly filter: string;
  /** A column of the table, with `-` before it for the greatest first. */
  readonly sort: string;
  readonly form: Form;
  readonly zone: ZoneChoice;
  /** Ids of keys that the chart shows in any case. */
  readonly pins: readonly string[];
  /** Words of the keys that are listed. */
  readonly find: string;
}

/** Choices of the number of windows. The greatest is the most that the API gives at once. */
export const lasts = [12, 24, 60, 168, 1000] as const;

const hourMs = 3_600_000;

/** Lengths of time before the newest event, in ms, by their names in an address. */
export const spans: Readonly<Record<string, { readonly label: string; readonly ms: number }>> = {
  '1h': { label: 'the last hour', ms: hourMs },
  '6h': { label: 'the last 6 hours', ms: 6 * hourMs },
  '1d': { label: 'the last day', ms: 24 * hourMs },
  '7d': { label: 'the last 7 days', ms: 7 * 24 * hourMs },
  '30d': { label: 'the last 30 days', ms: 30 * 24 * hourMs },
  '365d': { label: 'the last year', ms: 365 * 24 * hourMs },
};

/** Two and a half days of hours, or an hour of minutes. */
const usualLast = 60;
const usualSort = '-window';

export function readView(search: string): View {
  const given = new URLSearchParams(search);
  const last = Number(given.get('last'));
  const span = given.get('span') ?? '';
  return {
    query: given.get('query') ?? undefined,
    aggregate: given.get('aggregate') ?? undefined,
    last: Number.isInteger(last) && last >= 1 && last <= 1000 ? last : usualLast,
    span: Object.hasOwn(spans, span) ? span : undefined,
    from: given.get('from') || undefined,
    to: given.get('to') || undefined,
    filter: given.get('filter') ?? '',
    sort: given.get('sort') ?? usualSort,
    form: forms.find((form) => form === given.get('form')) ?? 'auto',
    zone: zoneChoices.find((zone) => zone === given.get('zone')) ?? 'query',
    pins: given.getAll('pin'),
    find: given.get('find') ?? '',
  };
}

/** The part of the address behind `?`, without the defaults. */
export function writeView(view: View): string {
  const { query, aggregate, last, span, from, to, filter, sort, form, zone, pins, find } = view;
  const given = new URLSearchParams();
  const set = (name: string, value: string | undefined) =>
    void (value === undefined || value === '' || given.set(name, value));
  set('query', query);
  set('aggregate', aggregate);
  if (!hasRange(view) && span === undefined && last !== usualLast) set('last', String(last));
  if (!hasRange(view)) set('span', span);
  set('from', from);
  set('to', to);
  set('filter', filter);
  if (sort !== usualSort) set('sort', sort);
  if (form !== 'auto') set('form', form);
  if (zone !== 'query') set('zone', zone);
  for (const pin of pins) given.append('pin', pin);
  set('find', find);
  return given.toString();
}

/** Whether a view names when its windows start. */
export function hasRange({ from, to }: View): boolean {
  return from !== undefined || to !== undefined;
}

/** The set of windows that a view asks for. */
export function windowsAsked({ query, last, span, from, to }: View): string {
  return JSON.stringify([query, last, span, from, to]);
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

/** Kinds of aggregates whose values of several keys can be added up. */
const additive = new Set(['count', 'sum']);

/** Whether the values of an aggregate can be added up over keys. */
export function isAdditive({ aggregates }: ShownQuery, aggregate: string): boolean {
  return additive.has(aggregates[aggregate] ?? '');
}
