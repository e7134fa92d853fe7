import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AnyAggregate } from '../aggregates/index.ts';
import type { SpanAggregate } from '../aggregates/span.ts';
import type { Duration } from '../arguments/duration.ts';
import type { EventIdValue } from '../events/event-id.ts';
import type { EventTimeUnit, EventTimeValue } from '../events/event-time.ts';
import type { GroupKey, GroupSelector, GroupValue } from '../events/group-key.ts';
import type { ProvenFields } from '../events/proven-fields.ts';
import type { Row } from '../results/row.ts';
import type { WindowKind } from '../windows/window.ts';
import type { Enriched } from './enriched.ts';
import type { Grouping } from './grouping.ts';
import type { Lookup } from './lookup.ts';
import type { RowsAt, TableLookup } from './lookup-table.ts';
import type { NamedField } from './named-fields.ts';
import type { Sink, SinkSpec } from './sink.ts';

/** An event: the output of the schema for the parsed JSON. */
export type EventOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** Each field of an event whose value can be grouped by, by its name. */
export type GroupFields<Event> = {
  [Name in keyof Event & string]: Event[Name] extends GroupValue | undefined ? Name : never;
};

/** Functions to group by, by the name that the value has in results: `{ hour: (event) => event.local.hour }`. */
export interface GroupSelectors<Event> {
  readonly [name: string]: GroupSelector<Event>;
  /** For the types only: a list does not fit, so that the compiler says which name in a list is wrong. */
  readonly [Symbol.iterator]?: never;
}

/** A query as it is written: which events it takes, how it groups them, its windows, and what it computes. */
export interface QuerySpec<Event> {
  /** Keeps an event for this query. Must be pure. @default every event */
  readonly where?: (event: Event) => boolean;
  /**
   * Fields to group by: their names, with totals as `rollup('country', 'city')`, or a name and a function each. Must be
   * pure.
   * @default one group
   */
  // The fields are looked up in place, so that the compiler lists their names.
  readonly groupBy?: // `readonly` takes it too; written for the compiler, which then compares a list with lists.
    | GroupFields<Event>[keyof Event & string][]
    | readonly GroupFields<Event>[keyof Event & string][]
    | Grouping<GroupFields<Event>[keyof Event & string]>
    | GroupSelectors<Event>;
  /** The kind of windows: `tumbling('1 hour')`, `session('30 minutes')`. */
  readonly window: WindowKind;
  /** What is computed for each window and group, by the name that it has in results. At least one. */
  readonly aggregates: { readonly [name: string]: AnyAggregate<Event> };
  /**
   * Where the query begins, ISO 8601 with a zone, at an edge of its windows. The stream's events from then on are
   * counted. The windows before it are filled by `tidemark backfill`, from files or from the events that the stream
   * still holds. Deploy the query before the stream's events reach this moment.
   * @default it counts whatever comes after its deployment
   */
  readonly from?: string;
  /**
   * The number of keys that a window of one shard is expected to hold. Nothing depends on it any more: it is accepted
   * so that a pipeline which says it goes on.
   * @default 1,000
   */
  readonly expectedKeys?: number;
  /**
   * How long after its end a window takes late records. It is event time: the watermark has to pass end + lateness. The
   * window has an on-time pane when the watermark passes its end, refined ones as late records come, and is final at
   * end + lateness. A session has only its final pane.
   * @default 0: a window is final at its end
   */
  readonly allowedLateness?: Duration;
  /**
   * Whether windows in which nothing was counted have a final pane too, with the identity of each aggregate (0 for a
   * count). They are those between the first window that holds something (or `from`) and where the watermark has come.
   * For queries without groupBy. Of a gap the first 10,000 windows are emitted, or as many as `most` says.
   * @default false: windows that hold nothing are not there
   */
  readonly emptyWindows?: boolean | { readonly most: number };
  /**
   * The panes that a window has besides its final one; a session has none. The schedule looks once a minute. The
   * aggregate function asks for a look when a window's end is passed.
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
     * How many earlier panes of a window stay readable beside the latest one, at most 100. Each of them costs its write
     * once more.
     * @default 0
     */
    readonly history?: number;
  };
}

/**
 * The rule for events that are the same one, sent again. The log of ids belongs to a shard, so equal ids have to go to
 * one shard (docs/GUARANTEES.md, I13).
 */
export interface DedupSpec<Event> {
  /** The event's id. Null or undefined: the event has none, and is not a duplicate of anything. Must be pure. */
  readonly by: (event: Event) => EventIdValue;
  /**
   * How long after the first event of an id another one of the same id is a duplicate, by the stream's arrival times.
   * At most 7 days, the stream's retention.
   */
  readonly within: Duration;
}

/**
 * An event with the fields that `enrich` adds; `never` adds nothing. (Asked first, so that functions know the event
 * before anything is added to it.)
 */
export type EnrichedEvent<Event, Added> = [Added] extends [never] ? Event : Event & NoInfer<Added>;

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
   * The partition key of an event, for the feeders (`replay`, `put`, `stream`). Events of one key share a shard.
   * @default the id of `dedup`; without it, packed records go round the shards
   */
  readonly partitionKey?: (event: EventOf<Schema>) => string;
  /**
   * The source of more fields for events, for the queries: `lookup(devices, 'deviceId')`, or a lookup in a
   * `table('devices')`. An event's time, id and partition key are those of the event as it came.
   * @default none
   */
  readonly enrich?: Lookup<EventOf<Schema>, Added> | TableLookup<EventOf<Schema>, Added>;
  /** Counts an event once when its producer sent it more than once. @default every record counts */
  readonly dedup?: DedupSpec<EventOf<Schema>>;
  /**
   * How long windows wait. A shard's watermark is its greatest event time less the delay; the pipeline's is the least
   * of the shards'. A window is final when the watermark has passed its end.
   */
  readonly watermark: {
    /** How far behind the greatest event time of its shard an event may be and still be counted. At least 0. */
    readonly delay: Duration;
    /**
     * How far after its arrival an event's time may lie before the event is rejected. One bad clock must not close
     * everybody's windows.
     * @default '1 hour'
     */
    readonly maxFutureSkew?: Duration;
    /**
     * How long a shard without accepted events holds the watermark. After that it may stop holding it, once it is
     * proven to have nothing left.
     * @default '1 minute'
     */
    readonly idle?: Duration;
  };
  /**
   * The queries by name, at least one. A changed query stands beside the first version as `NAME@2`. All share the
   * stream and the watermark.
   */
  readonly queries: { readonly [name: string]: QuerySpec<EnrichedEvent<EventOf<Schema>, Added>> };
  /**
   * The targets of results besides the windows table, by name: `{ toQueue: sqs() }` (docs/SINKS.md). @default nowhere
   */
  readonly sinks?: { readonly [name: string]: SinkSpec };
}

/**
 * A checked query, as the functions use it. Its functions are the user's and may throw anything; see {@link Pipeline}.
 */
export interface Query {
  readonly name: string;
  /**
   * How often a query of this name was removed before, as the state knows it. @default never
   */
  readonly generation?: number;
  /** Position among the pipeline's queries. */
  readonly index: number;
  /** Its windows as they are emitted: the kind as defined, with the lateness, from where the query begins. */
  readonly window: WindowKind;
  /** Its kind of windows as the user wrote it. */
  readonly definedKind: WindowKind;
  readonly latenessMs: number;
  readonly groupBy: readonly string[];
  /**
   * Levels of totals beside the groups: the positions of the fields that each level keeps. Empty without rollup or
   * cube.
   */
  readonly totals: readonly (readonly number[])[];
  readonly aggregateNames: readonly string[];
  /** By position of their names. */
  readonly aggregates: readonly AnyAggregate<unknown>[];
  /** The span of a session's records, which is not in any result; undefined for other windows. */
  readonly span: SpanAggregate | undefined;
  readonly expectedKeys: number;
  /** Most empty windows in a row that are emitted; 0: none. */
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
   * The query's events are those with a time in `[from, until)`, epoch ms. The bounds are infinite unless the query is
   * to be backfilled, or is being backfilled. Both are edges of its windows.
   */
  readonly from: number;
  readonly until: number;
  readonly where: ((event: unknown) => boolean) | undefined;
  readonly keyOf: (event: unknown) => GroupKey;
  /** The fields that its functions read, where they are known of all of them. @default not known */
  readonly reads?: QueryReads | undefined;
}

/** The names of all fields of the event that a query reads. Nothing of the event is kept. */
export interface QueryReads {
  /** Its group-by fields. */
  readonly key: readonly string[];
  /** Its aggregates. */
  readonly inputs: readonly string[];
}

/** A checked deduplication rule. */
export interface Dedup {
  /** The user's code, which may return and throw anything. */
  readonly by: (event: unknown) => EventIdValue;
  readonly withinMs: number;
}

/** The types of a query's rows: the group-by fields, and the results of the aggregates, by their names. */
export interface QueryResult {
  /** The group-by fields. */
  readonly key: Row['key'];
  /** The results of the aggregates. */
  readonly values: Row['values'];
}

/** The types of the rows of a pipeline's queries, by the names of the queries. */
export interface PipelineResults {
  readonly [query: string]: QueryResult;
}

/**
 * A checked pipeline, as {@link definePipeline} gives it. Only Tidemark reads its members.
 *
 * Times are in milliseconds. `eventTime`, `enrich`, `where`, `keyOf` and the aggregates' inputs are the user's code:
 * guard every call of them.
 */
export interface Pipeline<Results extends PipelineResults = PipelineResults> {
  /** For the types only: no pipeline has it. */
  readonly results?: Results;
  readonly name: string;
  readonly schema: StandardSchemaV1['~standard'];
  readonly eventTime: (event: unknown) => EventTimeValue;
  readonly eventTimeUnit: EventTimeUnit | undefined;
  readonly partitionKey: ((event: unknown) => string) | undefined;
  /** The lookup. Only a lookup in a table uses the rows that it is given. */
  readonly enrich: ((rowsAt: RowsAt) => (event: unknown, arrivalMs: number) => Enriched) | undefined;
  /** The table of the lookup, whose rows are not part of the pipeline, and the field of its rows that holds the key. */
  readonly lookupTable: Pick<TableLookup<never, unknown>, 'table' | 'key'> | undefined;
  readonly dedup: Dedup | undefined;
  readonly delayMs: number;
  readonly maxFutureSkewMs: number;
  readonly idleMs: number;
  readonly queries: readonly Query[];
  readonly sinks: readonly Sink[];
  /** The fields of its schema, where it can be seen what it takes. @default it is asked about each event */
  readonly proven?: ProvenFields | undefined;
  /** The field that holds the event time, where that is known. @default not known */
  readonly timeField?: string | undefined;
  /** The fields that its queries name, where the schema does not tell whether events have them. */
  readonly unlisted: readonly NamedField[];
}
