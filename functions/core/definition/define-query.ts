import { type AnyAggregate, aggregateKinds, smallStateBytes } from '../aggregates/index.ts';
import { span } from '../aggregates/span.ts';
import { checkedFunction } from '../arguments/checked-function.ts';
import { durationMs, longestDurationMs } from '../arguments/duration.ts';
import { argumentError, valueText } from '../arguments/error.ts';
import { fieldGivenBy, type Reading } from '../arguments/field-given-by.ts';
import { parseIsoTime } from '../events/event-time.ts';
import { type GroupKey, type GroupSelector, type GroupValue, keyReader } from '../events/group-key.ts';
import type { WindowKind } from '../windows/window.ts';
import { startingIn, withLateness } from '../windows/window-rules.ts';
import { hasFunctions, inheritedNames, onlyKnown, required, settings, windowEdge } from './checks.ts';
import { type Grouping, isGrouping, totalLevels } from './grouping.ts';
import { checkNamed, checkNumeric, fieldsOfAggregate, type NamedField } from './named-fields.ts';
import type { GroupFields, Query, QueryReads, QuerySpec } from './pipeline.ts';
import { queryVersion, versionName } from './query-version.ts';
import type { SchemaFields } from './schema-fields.ts';

/** Names that results and tables use for something else. */
const reservedNames = ['query', 'window', 'start', 'end', 'status', 'revision', 'records', 'finalizedAt', 'grouping'];

/** Most bytes of a key's states together: an item ends at 400 KB, and holds rows beside states. */
const mostStateBytes = 150_000;

/** Most panes of a window that are kept beside the latest one: as many as a reader takes in one answer. */
const mostHistory = 100;

/**
 * The default and the greatest number of empty windows of a gap that are emitted. The default is a week by the minute.
 * One stray event of 1970 makes a gap that long.
 */
const usualEmpty = 10_000;
const mostEmpty = 100_000;

const namePattern = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/** The fields that a checked query names. */
export function fieldsOfQuery<Event>(query: string, spec: QuerySpec<Event> | undefined): readonly NamedField[] {
  const { groupBy, aggregates = {} } = spec ?? {};
  const place = `queries.${query}`;
  const grouped: readonly string[] = isGrouping(groupBy) ? groupBy.fields : Array.isArray(groupBy) ? groupBy : [];
  return [
    ...grouped.map((name) => ({ name, place: `${place}.groupBy`, use: valueText(grouped) })),
    ...Object.entries(aggregates).flatMap(([name, one]) => fieldsOfAggregate(`${place}.aggregates.${name}`, one)),
  ];
}

/**
 * Checks a query and makes it ready to run.
 * @throws TidemarkError that names the field, the value and the remedy
 */
export function checkedQuery<Event>(
  name: string,
  index: number,
  given: QuerySpec<Event> | undefined,
  fields: SchemaFields | undefined,
): Query {
  const field = `queries.${name}`;
  const spec = settings(field, given, 'a query: give { window, aggregates }');
  onlyKnown(field, spec, [
    'where',
    'groupBy',
    'window',
    'aggregates',
    'allowedLateness',
    'from',
    'expectedKeys',
    'emptyWindows',
    'emit',
  ]);
  const named = queryVersion(name);
  if (named === undefined || versionName(named) !== name)
    throw argumentError(
      field,
      name,
      'is not a query name: use letters, digits and _, a letter first, at most 64; NAME@2 is the second version of NAME',
    );
  if (inheritedNames.includes(name))
    throw argumentError(field, name, 'is a name that every object has: choose another');
  const groupBy = groupFields(field, isGrouping(spec.groupBy) ? spec.groupBy.fields : (spec.groupBy ?? []));
  const aggregates = Object.entries(
    settings(`${field}.aggregates`, spec.aggregates, 'aggregates by name: write { count: count() }'),
  );
  if (aggregates.length === 0)
    throw argumentError(
      `${field}.aggregates`,
      spec.aggregates,
      'is empty: give at least one, such as { count: count() }',
    );
  const grouped = groupBy.map(([groupName]) => groupName);
  for (const [kind, checked] of [
    ['groupBy', grouped],
    ['aggregates', aggregates.map(([n]) => n)],
  ] as const)
    checkNames(`${field}.${kind}`, checked);
  const names = namesFields(spec.groupBy) ? grouped : [];
  for (const name of names) checkNamed(fields, { name, place: `${field}.groupBy`, use: valueText(names) });
  for (const [aggregateName, aggregate] of aggregates) {
    if (grouped.includes(aggregateName))
      throw argumentError(
        `${field}.aggregates.${aggregateName}`,
        aggregateName,
        'is also a group-by field: rename one of them, they are columns of one row',
      );
    if (!hasFunctions(aggregate, ['input', 'add', 'merge', 'encode', 'decode', 'result']))
      throw argumentError(
        `${field}.aggregates.${aggregateName}`,
        aggregate,
        `is not an aggregate: use ${Object.keys(aggregateKinds)
          .map((kind) => `${kind}(...)`)
          .join(', ')} or defineAggregate(...)`,
      );
    for (const named of fieldsOfAggregate(`${field}.aggregates.${aggregateName}`, aggregate)) {
      checkNamed(fields, named);
      checkNumeric(fields, named, aggregate);
    }
  }
  const stateBytes = aggregates.reduce((total, [, aggregate]) => total + (aggregate.mostBytes ?? smallStateBytes), 0);
  if (stateBytes > mostStateBytes)
    throw argumentError(
      `${field}.aggregates`,
      aggregates.map(([aggregateName]) => aggregateName),
      `may take ${stateBytes} bytes for one key, and an item holds ${mostStateBytes} of them: give lower bounds (upTo, limit, capacity), or spread them over queries`,
    );
  const kind = required(`${field}.window`, spec.window, "window: tumbling('1 hour')");
  if (!hasFunctions(kind, ['sliceOf', 'closings', 'emit']))
    throw argumentError(`${field}.window`, kind, "is not a window: use tumbling('1 hour')");
  const latenessMs = durationMs(`${field}.allowedLateness`, spec.allowedLateness ?? 0, {
    leastMs: 0,
    mostMs: longestDurationMs,
  });
  if (spec.from !== undefined && kind.refuses?.from !== undefined)
    throw argumentError(`${field}.from`, spec.from, kind.refuses.from);
  const from = spec.from === undefined ? Number.NEGATIVE_INFINITY : checkedFrom(`${field}.from`, spec.from, kind);
  const expectedKeys = spec.expectedKeys ?? 1000;
  if (!Number.isSafeInteger(expectedKeys) || expectedKeys < 1 || expectedKeys > 10_000_000)
    throw argumentError(
      `${field}.expectedKeys`,
      expectedKeys,
      'is not a number of keys: give a whole number from 1 to 10,000,000',
    );
  return {
    name,
    index,
    window: startingIn(withLateness(kind, latenessMs), from, Number.POSITIVE_INFINITY),
    definedKind: kind,
    latenessMs,
    groupBy: grouped,
    totals: isGrouping(spec.groupBy) ? totalLevels(spec.groupBy) : [],
    aggregateNames: aggregates.map(([aggregateName]) => aggregateName),
    aggregates: aggregates.map(([, aggregate]) => aggregate as AnyAggregate<unknown>),
    span: kind.sessions === undefined ? undefined : span,
    expectedKeys,
    mostEmpty: checkedEmpty(`${field}.emptyWindows`, spec.emptyWindows, grouped, kind),
    ...(kind.refuses?.panes === undefined
      ? checkedEmit(`${field}.emit`, spec.emit, latenessMs)
      : onePane(`${field}.emit`, spec.emit, kind.refuses.panes)),
    from,
    until: Number.POSITIVE_INFINITY,
    where: spec.where === undefined ? undefined : checkedFunction(`${field}.where`, spec.where),
    keyOf: keyReader(groupBy) as (event: unknown) => GroupKey,
    reads: readsOf(spec),
  };
}

function checkedEmit(
  field: string,
  emit: QuerySpec<unknown>['emit'] = {},
  latenessMs: number,
): Pick<Query, 'earlyMs' | 'onTime' | 'lateMs' | 'history'> {
  const { early, onTime, late, history = 0 } = settings(field, emit, "a choice of panes: write { early: '1 minute' }");
  onlyKnown(field, emit, ['early', 'onTime', 'late', 'history']);
  const bounds = { leastMs: 1, mostMs: longestDurationMs };
  if (onTime !== undefined && typeof onTime !== 'boolean')
    throw argumentError(`${field}.onTime`, onTime, 'is neither true nor false: give one');
  for (const [name, given] of Object.entries({ onTime, late })) {
    if (given !== undefined && latenessMs === 0)
      throw argumentError(
        `${field}.${name}`,
        given,
        'says nothing about windows that are final at their end: give allowedLateness, or leave it out',
      );
  }
  if (!Number.isSafeInteger(history) || history < 0 || history > mostHistory)
    throw argumentError(
      `${field}.history`,
      history,
      `is not a number of panes: give a whole number from 0 to ${mostHistory}`,
    );
  if (history > 0 && early === undefined && latenessMs === 0)
    throw argumentError(
      `${field}.history`,
      history,
      'says nothing about windows with one pane, the final one: give early or allowedLateness, or leave it out',
    );
  return {
    history,
    earlyMs: early === undefined ? undefined : durationMs(`${field}.early`, early, bounds),
    onTime: onTime ?? true,
    lateMs:
      late === 'never'
        ? undefined
        : late === undefined || late === 'each'
          ? 0
          : durationMs(`${field}.late`, late, bounds),
  };
}

function checkedEmpty(
  field: string,
  given: QuerySpec<unknown>['emptyWindows'] = false,
  groupBy: readonly string[],
  { refuses }: WindowKind,
): number {
  if (given === false) return 0;
  const { most } =
    given === true
      ? { most: usualEmpty }
      : settings(field, given, 'a choice of empty windows: write true or { most: 1440 }');
  if (given !== true) onlyKnown(field, given, ['most']);
  if (!Number.isSafeInteger(most) || most < 1 || most > mostEmpty)
    throw argumentError(
      `${field}.most`,
      most,
      `is not a number of windows: give a whole number from 1 to ${mostEmpty}`,
    );
  if (groupBy.length > 0)
    throw argumentError(
      field,
      given,
      `is for queries without groupBy: which groups an empty window would have rows of, nobody knows; ask for one key's series with fill=identity`,
    );
  if (refuses?.emptyWindows !== undefined) throw argumentError(field, given, refuses.emptyWindows);
  return most;
}

/** The settings for windows that have only a final pane, with the reason why they have no other. */
function onePane(
  field: string,
  emit: QuerySpec<unknown>['emit'] = {},
  reason: string,
): Pick<Query, 'earlyMs' | 'onTime' | 'lateMs' | 'history'> {
  const { early, onTime, late, history } = settings(
    field,
    emit,
    'a choice of panes: sessions have none to choose, leave it out',
  );
  onlyKnown(field, emit, ['early', 'onTime', 'late', 'history']);
  for (const [name, given, nothing] of [
    ['early', early, undefined],
    ['onTime', onTime, false],
    ['late', late, 'never'],
    ['history', history, 0],
  ] as const)
    if (given !== undefined && given !== nothing) throw argumentError(`${field}.${name}`, given, reason);
  return { earlyMs: undefined, onTime: false, lateMs: undefined, history: 0 };
}

function checkedFrom(field: string, text: string, window: WindowKind): number {
  const from = typeof text === 'string' ? parseIsoTime(text) : undefined;
  if (from === undefined)
    throw argumentError(field, text, 'is not a time: write ISO 8601 with a zone, such as 2026-11-24T00:00:00Z');
  return windowEdge(field, from, window);
}

function groupFields<Event>(
  field: string,
  groupBy: Exclude<NonNullable<QuerySpec<Event>['groupBy']>, Grouping>,
): (readonly [string, GroupSelector<Event>])[] {
  if (!Array.isArray(groupBy)) {
    if (typeof groupBy !== 'object' || groupBy === null)
      throw argumentError(
        `${field}.groupBy`,
        groupBy,
        "is not a group-by: write ['action'] or { action: (event) => event.action }",
      );
    return Object.entries(groupBy).map(([name, select]) => [name, checkedFunction(`${field}.groupBy.${name}`, select)]);
  }
  return [...groupBy].map((name: GroupFields<Event>[keyof Event & string]) => {
    if (groupBy.filter((other) => other === name).length > 1)
      throw argumentError(`${field}.groupBy`, name, 'is named twice: name each field once');
    return [name, (event) => event[name] as GroupValue | undefined];
  });
}

/** The fields that a checked query reads; undefined where one of its functions is not known. */
function readsOf<Event>({ where, groupBy, aggregates }: QuerySpec<Event>): QueryReads | undefined {
  const given = isGrouping(groupBy) ? groupBy.fields : (groupBy ?? []);
  const key: readonly (string | undefined)[] = Array.isArray(given) ? given : Object.values(given).map(fieldGivenBy);
  const inputs = Object.values(aggregates).map(({ input }: { readonly input: Reading<object> }) => input.reads);
  if (where !== undefined || key.includes(undefined) || inputs.includes(undefined)) return undefined;
  return {
    key: key.filter((name) => name !== undefined),
    inputs: [...new Set(inputs.flatMap((names) => names ?? []))],
  };
}

/** Whether a group-by has names of fields instead of functions of the event. */
function namesFields(groupBy: unknown): boolean {
  return Array.isArray(groupBy) || isGrouping(groupBy);
}

function checkNames(field: string, names: readonly string[]): void {
  for (const name of names) {
    if (typeof name !== 'string' || !namePattern.test(name))
      throw argumentError(
        `${field}`,
        name,
        'is not a column name: use letters, digits and _, a letter first, at most 64',
      );
    if (reservedNames.includes(name))
      throw argumentError(
        `${field}.${name}`,
        name,
        `is a name the results use: choose another than ${reservedNames.join(', ')}`,
      );
    if (inheritedNames.includes(name))
      throw argumentError(`${field}.${name}`, name, 'is a name that every object has: choose another');
  }
}
