import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type AnyAggregate, aggregateKinds, smallStateBytes } from '../aggregates/index.ts';
import { type SpanAggregate, span } from '../aggregates/span.ts';
import { callable } from '../arguments/callable.ts';
import { type Duration, durationMs, longestDurationMs } from '../arguments/duration.ts';
import { mistake, shown, TidemarkError } from '../arguments/error.ts';
import { streamRetentionHours } from '../deployment/settings.ts';
import type { EventIdValue } from '../events/event-id.ts';
import { type EventTimeUnit, type EventTimeValue, isoTime, parseIsoTime } from '../events/event-time.ts';
import { type GroupKey, type GroupSelector, type GroupValue, keyReader } from '../events/group-key.ts';
import type { WindowKind } from '../windows/window.ts';
import { startingIn, withLateness } from '../windows/window-rules.ts';
import type { Enriched } from './enriched.ts';
import { type Grouping, isGrouping, totalLevels } from './grouping.ts';
import type { Lookup } from './lookup.ts';
import type { RowsAt, TableLookup } from './lookup-table.ts';
import { checkNamed, checkNumeric, fieldsOfAggregate, type NamedField } from './named-fields.ts';
import { queryVersion, versionName } from './query-version.ts';
import { anyKind, type SchemaFields, schemaFields } from './schema-fields.ts';
import { checkedSinks, type Sink, type SinkSpec } from './sink.ts';

/** What the schema turns a parsed JSON event into. */
export type EventOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/**
 * By its name, each field whose value can be grouped by. (Looked up in place, so that the compiler lists the names.)
 */
type GroupFields<Event> = {
  [Name in keyof Event & string]: Event[Name] extends GroupValue | undefined ? Name : never;
};

/**
 * Functions by the name of the field of the results. (No list is one, so that the compiler says of a list which name in
 * it is wrong.)
 */
interface GroupSelectors<Event> {
  readonly [name: string]: GroupSelector<Event>;
  readonly [Symbol.iterator]?: never;
}

/** A query as it is written. */
export interface QuerySpec<Event> {
  /** Keeps an event for this query. Must be pure. @default every event */
  readonly where?: (event: Event) => boolean;
  /**
   * Fields to group by: their names, with totals as `rollup('country', 'city')`, or a name and a function each. Must be
   * pure.
   * @default one group
   */
  readonly groupBy?: // As `readonly` takes it, and said for the compiler, which then compares a list with lists.
    | GroupFields<Event>[keyof Event & string][]
    | readonly GroupFields<Event>[keyof Event & string][]
    | Grouping<GroupFields<Event>[keyof Event & string]>
    | GroupSelectors<Event>;
  readonly window: WindowKind;
  /** At least one, by the name it has in results. */
  readonly aggregates: { readonly [name: string]: AnyAggregate<Event> };
  /**
   * Where the query begins, ISO 8601 with a zone, an edge of its windows: the stream's events from then on are counted,
   * and the windows before it are filled by `tidemark backfill`, from files or from what the stream still holds. Deploy
   * it before the stream's events reach it. @default it counts whatever comes after its deployment
   */
  readonly from?: string;
  /**
   * How many keys a window of one shard is expected to hold; only the first windows' cost depends on it.
   * @default 1,000
   */
  readonly expectedKeys?: number;
  /**
   * How long after its end (of event time: the watermark has to pass end + lateness) a window takes late records. It
   * has an on-time pane when the watermark passes its end, refined ones as late records come, and is final then. A
   * session has its final pane alone. @default 0: it is final at its end
   */
  readonly allowedLateness?: Duration;
  /**
   * Whether windows in which nothing was counted have a final pane too, with the identity of each aggregate (0 for a
   * count): those between the first window that holds something (or `from`) and where the watermark has come. For
   * queries without groupBy. Of a gap at most 10,000 windows, its first ones, or as many as `most` says. @default
   * false: windows that hold nothing are not there
   */
  readonly emptyWindows?: boolean | { readonly most: number };
  /**
   * Which panes a window has besides its final one; a session has none. The schedule looks once a minute, and aggregate
   * asks for a look when a window's end is passed.
   */
  readonly emit?: {
    /**
     * Early panes: a window whose end is not passed is emitted again when its last pane is at least this old and
     * records have come since.
     * @default none
     */
    readonly early?: Duration;
    /** Whether a window with allowed lateness has a pane when the watermark passes its end. @default true */
    readonly onTime?: boolean;
    /**
     * Refined panes after the end: at each look that finds late records, at least this long after the last pane, or
     * never.
     * @default 'each'
     */
    readonly late?: 'each' | 'never' | Duration;
    /**
     * How many earlier panes of a window stay readable beside the latest one, at most 100; each costs its write once
     * more.
     * @default 0
     */
    readonly history?: number;
  };
}

/**
 * Which events are one and the same, sent again: the log of ids is a shard's, so equal ids have to go to one shard
 * (docs/GUARANTEES.md, I13).
 */
export interface DedupSpec<Event> {
  /** The event's id. Null or undefined: it has none, and is no duplicate of anything. Must be pure. */
  readonly by: (event: Event) => EventIdValue;
  /**
   * How long after the first, by the stream's arrival times, another event of the same id is a duplicate. At most 7
   * days, the stream's retention.
   */
  readonly within: Duration;
}

/**
 * An event with what `enrich` adds; never adds nothing. (Asked first, so that the event is known to functions before
 * anything is added to it.)
 */
type EnrichedEvent<Event, Added> = [Added] extends [never] ? Event : Event & NoInfer<Added>;

/** A pipeline as it is written: one stream, an event schema, where the event time is, a watermark policy, queries. */
export interface PipelineSpec<Schema extends StandardSchemaV1, Added = never> {
  /** Lower case letters, digits and dashes, at most 40: it is part of the names of the stream and the tables. */
  readonly name: string;
  /** Any Standard Schema validator (zod, valibot, arktype...). Must be synchronous and pure. */
  readonly event: Schema;
  /**
   * Where the event time is: epoch ms, a Date or ISO 8601 text with a zone. Numbers of seconds need `unit: 's'`. Must
   * be pure.
   */
  readonly eventTime:
    | ((event: EventOf<Schema>) => EventTimeValue)
    | { readonly of: (event: EventOf<Schema>) => EventTimeValue; readonly unit?: EventTimeUnit };
  /**
   * Which events share a shard, for the feeders (`replay`, `put`, `stream`).
   * @default the id of `dedup`; without it, packed records go round the shards
   */
  readonly partitionKey?: (event: EventOf<Schema>) => string;
  /**
   * Gives events more fields, for the queries: `lookup(devices, 'deviceId')`, or of a `table('devices')`. Its event
   * time, id and partition key are of the event as it came.
   * @default none
   */
  readonly enrich?: Lookup<EventOf<Schema>, Added> | TableLookup<EventOf<Schema>, Added>;
  /** Counts an event once that its producer sent more than once. @default every record counts */
  readonly dedup?: DedupSpec<EventOf<Schema>>;
  readonly watermark: {
    /** How far behind the greatest event time of its shard an event may be and still be counted. At least 0. */
    readonly delay: Duration;
    /**
     * How far after its arrival an event's time may lie before it is rejected: one bad clock must not close everybody's
     * windows.
     * @default '1 hour'
     */
    readonly maxFutureSkew?: Duration;
    /**
     * After how long without accepted events a shard may stop holding the watermark, once it is proven to have nothing
     * left.
     * @default '1 minute'
     */
    readonly idle?: Duration;
  };
  /**
   * At least one, by name; a changed query stands beside the first version as `NAME@2`. They share the stream and the
   * watermark.
   */
  readonly queries: { readonly [name: string]: QuerySpec<EnrichedEvent<EventOf<Schema>, Added>> };
  /** Where results go besides the windows table, by name: `{ toQueue: sqs() }` (docs/SINKS.md). @default nowhere */
  readonly sinks?: { readonly [name: string]: SinkSpec };
}

/**
 * A checked query, as the functions use it. Its functions may throw whatever the user's throw; see {@link Pipeline}.
 */
export interface Query {
  readonly name: string;
  /** Position among the pipeline's queries. */
  readonly index: number;
  /** Its windows as they are emitted: with their lateness, from where it begins. */
  readonly window: WindowKind;
  /** Its kind of windows alone. */
  readonly kind: WindowKind;
  readonly latenessMs: number;
  readonly groupBy: readonly string[];
  /** Levels of totals beside the groups: the positions of the fields that each keeps. Empty without rollup or cube. */
  readonly totals: readonly (readonly number[])[];
  readonly aggregateNames: readonly string[];
  /** By position of their names. */
  readonly aggregates: readonly AnyAggregate<unknown>[];
  /** From when to when the records of a session are, which is in no result; undefined for other windows. */
  readonly span: SpanAggregate | undefined;
  readonly expectedKeys: number;
  /** Most empty windows in a row that are emitted; 0: none is. */
  readonly mostEmpty: number;
  /** Least age of an open window's last pane before the next one, in ms; undefined: there are no early panes. */
  readonly earlyMs: number | undefined;
  /** Whether a window with lateness has a pane when its end is passed. */
  readonly onTime: boolean;
  /** Least age of a passed window's last pane before a refined one, in ms; undefined: there are no refined panes. */
  readonly lateMs: number | undefined;
  /** Earlier panes of a window that stay readable. */
  readonly history: number;
  /**
   * Its events are those with a time in `[from, until)`, epoch ms; infinite unless it is to be backfilled, or is being.
   * Both are edges of its windows.
   */
  readonly from: number;
  readonly until: number;
  readonly where: ((event: unknown) => boolean) | undefined;
  readonly keyOf: (event: unknown) => GroupKey;
}

/** A checked deduplication. */
export interface Dedup {
  /** The user's code, which may give and throw anything. */
  readonly by: (event: unknown) => EventIdValue;
  readonly withinMs: number;
}

/**
 * A checked pipeline. Times are in milliseconds. `eventTime`, `enrich`, `where`, `keyOf` and the aggregates' inputs are
 * the user's code: call them guarded.
 */
export interface Pipeline {
  readonly name: string;
  readonly schema: StandardSchemaV1['~standard'];
  readonly eventTime: (event: unknown) => EventTimeValue;
  readonly eventTimeUnit: EventTimeUnit | undefined;
  readonly partitionKey: ((event: unknown) => string) | undefined;
  /** The lookup; only one in a table looks at the rows that it is given. */
  readonly enrich: ((rowsAt: RowsAt) => (event: unknown, arrivalMs: number) => Enriched) | undefined;
  /** The table of the lookup, whose rows are not part of the pipeline, and the field of its rows that holds the key. */
  readonly lookupTable: Pick<TableLookup<never, unknown>, 'table' | 'key'> | undefined;
  readonly dedup: Dedup | undefined;
  readonly delayMs: number;
  readonly maxFutureSkewMs: number;
  readonly idleMs: number;
  readonly queries: readonly Query[];
  readonly sinks: readonly Sink[];
  /** The fields that its queries name, where the schema does not tell whether there are such. */
  readonly unlisted: readonly NamedField[];
}

/** Names that results and tables use for something else. */
const reservedNames = ['query', 'window', 'start', 'end', 'status', 'revision', 'records', 'finalizedAt', 'grouping'];

/** Most bytes of a key's states together: an item ends at 400 KB, and holds rows beside states. */
const mostStateBytes = 150_000;

/**
 * Every JavaScript object has these: a field that an event lacks would seem to be there, and a query that was never
 * seen would have counters.
 */
const inheritedNames = Object.getOwnPropertyNames(Object.prototype);

/** Panes of a window that are kept beside the latest one: as many as a reader takes in one answer. */
const mostHistory = 100;

/**
 * Empty windows of a gap that are emitted unless told, a week by the minute, and the most: one stray event of 1970
 * makes a gap that long.
 */
const usualEmpty = 10_000;
const mostEmpty = 100_000;

const namePattern = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/**
 * Checks a pipeline and makes it ready to run.
 * @throws TidemarkError that names the field, the value and the remedy.
 */
export function definePipeline<Schema extends StandardSchemaV1, Added = never>(
  spec: PipelineSpec<Schema, Added>,
): Pipeline {
  settings('pipeline', spec, 'a pipeline: give { name, event, eventTime, watermark, queries }');
  onlyKnown('pipeline', spec, [
    'name',
    'event',
    'eventTime',
    'partitionKey',
    'enrich',
    'dedup',
    'watermark',
    'queries',
    'sinks',
  ]);
  const names = Object.keys(
    settings('queries', spec.queries, 'queries by name: give { name: { window, aggregates } }'),
  );
  required('name', spec.name, "name: 'my-pipeline'");
  if (typeof spec.name !== 'string' || !/^[a-z][a-z0-9-]{0,39}$/.test(spec.name))
    throw mistake(
      'name',
      spec.name,
      'is not a pipeline name: use 1 to 40 lower case letters, digits and dashes, a letter first',
    );
  if (names.length === 0) throw mistake('queries', spec.queries, 'has no query: give at least one, by name');
  const watermark = settings('watermark', spec.watermark, "a watermark policy: write { delay: '1 hour' }");
  onlyKnown('watermark', watermark, ['delay', 'maxFutureSkew', 'idle']);
  const eventTime = checkedEventTime(spec.eventTime);
  const schema = checkedSchema(spec.event);
  const eventFields = schemaFields(spec.event);
  const enrich = checkedEnrich(spec.enrich, eventFields);
  const fields = withAdded(eventFields, spec.enrich);
  const dedup = checkedDedup(spec.dedup);
  const bounds = { leastMs: 0, mostMs: longestDurationMs };
  return {
    name: spec.name,
    schema,
    eventTime: eventTime.of,
    eventTimeUnit: eventTime.unit,
    partitionKey:
      spec.partitionKey === undefined ? dedup && idAsPartitionKey(dedup) : callable('partitionKey', spec.partitionKey),
    ...enrich,
    dedup,
    delayMs: durationMs('watermark.delay', required('watermark.delay', watermark.delay, "delay: '1 hour'"), bounds),
    maxFutureSkewMs: durationMs('watermark.maxFutureSkew', watermark.maxFutureSkew ?? '1 hour', bounds),
    idleMs: durationMs('watermark.idle', watermark.idle ?? '1 minute', { leastMs: 1, mostMs: longestDurationMs }),
    queries: names.map((name, index) => checkedQuery(name, index, spec.queries[name], fields)),
    sinks: checkedSinks(spec.sinks, names),
    unlisted: fields === undefined ? names.flatMap((name) => fieldsOfQuery(name, spec.queries[name])) : [],
  };
}

function checkedEnrich(
  given: PipelineSpec<StandardSchemaV1<never>, unknown>['enrich'],
  fields: SchemaFields | undefined,
): Pick<Pipeline, 'enrich' | 'lookupTable'> {
  if (given === undefined) return { enrich: undefined, lookupTable: undefined };
  const key = given?.eventField;
  if (typeof key === 'string') checkNamed(fields, { name: key, place: 'enrich', use: `lookup(..., '${key}')` });
  if (hasFunctions(given, ['enrichFrom']) && 'table' in given) return { enrich: given.enrichFrom, lookupTable: given };
  if (!hasFunctions(given, ['enrich']) || !('enrich' in given))
    throw mistake(
      'enrich',
      given,
      "is not a lookup: write lookup(devices, 'deviceId'), or lookup(table('devices'), 'deviceId', { fields: ['room'] })",
    );
  return { enrich: () => given.enrich, lookupTable: undefined };
}

/** The fields that a checked query names. */
function fieldsOfQuery<Event>(query: string, spec: QuerySpec<Event> | undefined): readonly NamedField[] {
  const { groupBy, aggregates = {} } = spec ?? {};
  const place = `queries.${query}`;
  const grouped: readonly string[] = isGrouping(groupBy) ? groupBy.fields : Array.isArray(groupBy) ? groupBy : [];
  return [
    ...grouped.map((name) => ({ name, place: `${place}.groupBy`, use: shown(grouped) })),
    ...Object.entries(aggregates).flatMap(([name, one]) => fieldsOfAggregate(`${place}.aggregates.${name}`, one)),
  ];
}

/** The fields that queries see: a lookup of somebody's own does not say what it adds. */
function withAdded(
  fields: SchemaFields | undefined,
  enrich: { readonly adds?: readonly string[] } | undefined,
): SchemaFields | undefined {
  if (fields === undefined || enrich === undefined) return fields;
  const { adds } = enrich;
  return adds === undefined ? undefined : new Map([...fields, ...adds.map((name) => [name, anyKind] as const)]);
}

function checkedDedup<Event>(spec: DedupSpec<Event> | undefined): Dedup | undefined {
  if (spec === undefined) return undefined;
  const { by, within } = settings(
    'dedup',
    spec,
    "a deduplication: write { by: (event) => event.id, within: '10 minutes' }",
  );
  onlyKnown('dedup', spec, ['by', 'within']);
  const bounds = { leastMs: 1, mostMs: streamRetentionHours * 3_600_000 };
  return {
    by: callable('dedup.by', by),
    withinMs: durationMs('dedup.within', required('dedup.within', within, "within: '10 minutes'"), bounds),
  };
}

/** An event without an id goes anywhere, as any text does. */
function idAsPartitionKey({ by }: Dedup): (event: unknown) => string {
  return (event) => String(by(event) ?? '');
}

function checkedQuery<Event>(
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
    throw mistake(
      field,
      name,
      'is not a query name: use letters, digits and _, a letter first, at most 64; NAME@2 is the second version of NAME',
    );
  if (inheritedNames.includes(name)) throw mistake(field, name, 'is a name that every object has: choose another');
  const groupBy = groupFields(field, isGrouping(spec.groupBy) ? spec.groupBy.fields : (spec.groupBy ?? []));
  const aggregates = Object.entries(
    settings(`${field}.aggregates`, spec.aggregates, 'aggregates by name: write { count: count() }'),
  );
  if (aggregates.length === 0)
    throw mistake(`${field}.aggregates`, spec.aggregates, 'is empty: give at least one, such as { count: count() }');
  const grouped = groupBy.map(([groupName]) => groupName);
  for (const [kind, checked] of [
    ['groupBy', grouped],
    ['aggregates', aggregates.map(([n]) => n)],
  ] as const)
    checkNames(`${field}.${kind}`, checked);
  const names = namesFields(spec.groupBy) ? grouped : [];
  for (const name of names) checkNamed(fields, { name, place: `${field}.groupBy`, use: shown(names) });
  for (const [aggregateName, aggregate] of aggregates) {
    if (grouped.includes(aggregateName))
      throw mistake(
        `${field}.aggregates.${aggregateName}`,
        aggregateName,
        'is also a group-by field: rename one of them, they are columns of one row',
      );
    if (!hasFunctions(aggregate, ['input', 'add', 'merge', 'encode', 'decode', 'result']))
      throw mistake(
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
    throw mistake(
      `${field}.aggregates`,
      aggregates.map(([aggregateName]) => aggregateName),
      `may take ${stateBytes} bytes for one key, and an item holds ${mostStateBytes} of them: give lower bounds (upTo, limit, capacity), or spread them over queries`,
    );
  const kind = required(`${field}.window`, spec.window, "window: tumbling('1 hour')");
  if (!hasFunctions(kind, ['sliceOf', 'closings', 'emit']))
    throw mistake(`${field}.window`, kind, "is not a window: use tumbling('1 hour')");
  const latenessMs = durationMs(`${field}.allowedLateness`, spec.allowedLateness ?? 0, {
    leastMs: 0,
    mostMs: longestDurationMs,
  });
  if (spec.from !== undefined && kind.refuses?.from !== undefined)
    throw mistake(`${field}.from`, spec.from, kind.refuses.from);
  const from = spec.from === undefined ? Number.NEGATIVE_INFINITY : checkedFrom(`${field}.from`, spec.from, kind);
  const expectedKeys = spec.expectedKeys ?? 1000;
  if (!Number.isSafeInteger(expectedKeys) || expectedKeys < 1 || expectedKeys > 10_000_000)
    throw mistake(
      `${field}.expectedKeys`,
      expectedKeys,
      'is not a number of keys: give a whole number from 1 to 10,000,000',
    );
  return {
    name,
    index,
    window: startingIn(withLateness(kind, latenessMs), from, Number.POSITIVE_INFINITY),
    kind,
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
    where: spec.where === undefined ? undefined : callable(`${field}.where`, spec.where),
    keyOf: keyReader(groupBy) as (event: unknown) => GroupKey,
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
    throw mistake(`${field}.onTime`, onTime, 'is neither true nor false: give one');
  for (const [name, given] of Object.entries({ onTime, late })) {
    if (given !== undefined && latenessMs === 0)
      throw mistake(
        `${field}.${name}`,
        given,
        'says nothing about windows that are final at their end: give allowedLateness, or leave it out',
      );
  }
  if (!Number.isSafeInteger(history) || history < 0 || history > mostHistory)
    throw mistake(`${field}.history`, history, `is no number of panes: give a whole number from 0 to ${mostHistory}`);
  if (history > 0 && early === undefined && latenessMs === 0)
    throw mistake(
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
    throw mistake(`${field}.most`, most, `is no number of windows: give a whole number from 1 to ${mostEmpty}`);
  if (groupBy.length > 0)
    throw mistake(
      field,
      given,
      `is for queries without groupBy: which groups an empty window would have rows of, nobody knows; ask for one key's series with fill=identity`,
    );
  if (refuses?.emptyWindows !== undefined) throw mistake(field, given, refuses.emptyWindows);
  return most;
}

/** The panes of windows that have the final one alone, and why they have no other. */
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
    if (given !== undefined && given !== nothing) throw mistake(`${field}.${name}`, given, reason);
  return { earlyMs: undefined, onTime: false, lateMs: undefined, history: 0 };
}

function checkedFrom(field: string, text: string, window: WindowKind): number {
  const from = typeof text === 'string' ? parseIsoTime(text) : undefined;
  if (from === undefined)
    throw mistake(field, text, 'is not a time: write ISO 8601 with a zone, such as 2026-11-24T00:00:00Z');
  return windowEdge(field, from, window);
}

/**
 * A moment that divides the windows into those before it and those after it.
 * @throws TidemarkError when a window goes across it
 */
export function windowEdge(field: string, time: number, window: WindowKind): number {
  const slice = window.sliceOf(time);
  if (slice === time) return time;
  throw mistake(field, isoTime(time), `is no edge of ${window.label} windows: give one, such as ${isoTime(slice)}`);
}

function groupFields<Event>(
  field: string,
  groupBy: Exclude<NonNullable<QuerySpec<Event>['groupBy']>, Grouping>,
): (readonly [string, GroupSelector<Event>])[] {
  if (!Array.isArray(groupBy)) {
    if (typeof groupBy !== 'object' || groupBy === null)
      throw mistake(
        `${field}.groupBy`,
        groupBy,
        "is not a group-by: write ['action'] or { action: (event) => event.action }",
      );
    return Object.entries(groupBy).map(([name, select]) => [name, callable(`${field}.groupBy.${name}`, select)]);
  }
  return [...groupBy].map((name: GroupFields<Event>[keyof Event & string]) => {
    if (groupBy.filter((other) => other === name).length > 1)
      throw mistake(`${field}.groupBy`, name, 'is named twice: name each field once');
    return [name, (event) => event[name] as GroupValue | undefined];
  });
}

/** Whether a group-by has names of fields, and not functions of the event. */
function namesFields(groupBy: unknown): boolean {
  return Array.isArray(groupBy) || isGrouping(groupBy);
}

/**
 * A setting that vanished in silence, `idel` or Flink's `allowedLateness`, would be found out much too late; bundling
 * checks no types.
 */
function onlyKnown(field: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) throw mistake(`${field}.${unknown}`, unknown, `is not a setting: use ${known.join(', ')}`);
}

function hasFunctions(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' && value !== null && names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}

function checkNames(field: string, names: readonly string[]): void {
  for (const name of names) {
    if (typeof name !== 'string' || !namePattern.test(name))
      throw mistake(`${field}`, name, 'is not a column name: use letters, digits and _, a letter first, at most 64');
    if (reservedNames.includes(name))
      throw mistake(
        `${field}.${name}`,
        name,
        `is a name the results use: choose another than ${reservedNames.join(', ')}`,
      );
    if (inheritedNames.includes(name))
      throw mistake(`${field}.${name}`, name, 'is a name that every object has: choose another');
  }
}

function checkedSchema(schema: StandardSchemaV1 | undefined): StandardSchemaV1['~standard'] {
  required('event', schema, 'event: z.object({ time: z.number() }), or another Standard Schema (standardschema.dev)');
  const standard = schema?.['~standard'];
  if (standard === undefined || typeof standard.validate !== 'function')
    throw mistake(
      'event',
      schema,
      'is not a Standard Schema validator: use zod, valibot, arktype or another (standardschema.dev)',
    );
  if (answersWithPromise(standard))
    throw mistake(
      'event',
      schema,
      'answers null with a promise: use a synchronous schema that takes any value, null too, without throwing (zod turns a throw into a promise)',
    );
  return standard;
}

/**
 * Null is what a record may hold and a schema's author may not have thought of. What a schema throws for it only
 * rejects such a record.
 */
function answersWithPromise(standard: StandardSchemaV1['~standard']): boolean {
  try {
    const validated = standard.validate(null);
    if (!(validated instanceof Promise)) return false;
    validated.catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}

function checkedEventTime<Event>(eventTime: PipelineSpec<StandardSchemaV1<unknown, Event>>['eventTime']): {
  readonly of: (event: unknown) => EventTimeValue;
  readonly unit: EventTimeUnit | undefined;
} {
  if (typeof eventTime === 'function') return { of: callable('eventTime', eventTime), unit: undefined };
  const form = "a function of the event: write (event) => event.time or { of: (event) => event.time, unit: 's' }";
  const { of, unit } = settings('eventTime', eventTime, form);
  onlyKnown('eventTime', eventTime, ['of', 'unit']);
  return { of: callable('eventTime.of', of), unit: unit === undefined ? undefined : checkedUnit(unit) };
}

function checkedUnit(unit: EventTimeUnit): EventTimeUnit {
  if (unit !== 's' && unit !== 'ms') throw mistake('eventTime.unit', unit, "is not a unit: use 's' or 'ms'");
  return unit;
}

/** @param remedy what to write for a part of a definition that is missing */
function required<T>(field: string, value: T | undefined | null, remedy: string): T {
  if (value === undefined || value === null) throw new TidemarkError(`${field} is missing: write ${remedy}`);
  return value;
}

function settings<T extends object>(field: string, value: T | undefined | null, form: string): T {
  const given = required(field, value, form.replace(/^.*?: (?:write|give) /, ''));
  if (typeof given !== 'object' || Array.isArray(given)) throw mistake(field, given, `is not ${form}`);
  return given;
}
