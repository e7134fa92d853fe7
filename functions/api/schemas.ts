import { aggregateKinds } from '../core/aggregates/index.ts';
import type { ResultShape } from '../core/aggregates/kinds.ts';

/** A JSON Schema (2020-12), as OpenAPI 3.1 has them. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const text = { type: 'string' } as const;
const integer = { type: 'integer' } as const;
const boolean = { type: 'boolean' } as const;
const orNull = (schema: { readonly type: string }) => ({ ...schema, type: [schema.type, 'null'] });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const listOf = (items: JsonSchema) => ({ type: 'array', items });

/** An object that has all of these members and no others. */
export function record(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** A moment twice: epoch ms, and ISO 8601 in UTC. */
const time = (name: string) => ({ [name]: integer, [`${name}Time`]: { ...text, format: 'date-time' } });
const timeOrNull = (name: string, iso = `${name}Time`) => ({
  [name]: orNull(integer),
  [iso]: { ...orNull(text), format: 'date-time' },
});

const values = {
  type: 'object',
  description: 'By name of the aggregate; what each is, its kind says, which the list of queries names.',
  additionalProperties: ref('Result'),
};
/**
 * The results of aggregates of each shape, by the name of the schema. A shape without a schema of its own gives a
 * scalar.
 */
const results = {
  Overflow: {
    description:
      'There was more than the aggregate keeps: of a countDistinct how many there are at least, of a value that is too long its bytes',
    oneOf: [
      record({ atLeast: integer, overflow: { const: true } }),
      record({ bytes: integer, overflow: { const: true } }),
    ],
  },
  Percentiles: {
    type: 'object',
    description: 'of a percentiles: p50, p99, p99_9; with overflow where the values nearest to zero were put together',
    properties: { overflow: { const: true } },
    patternProperties: { '^p[0-9_]+$': { type: 'number' } },
    minProperties: 1,
    additionalProperties: false,
  },
  Items: record({
    error: { ...integer, description: 'most that a count may be too low by' },
    items: listOf(record({ count: integer, value: { type: ['string', 'number', 'boolean'] } })),
    overflow: {
      ...boolean,
      description: 'whether there were more values than are counted beside one another: counts are exact when not',
    },
  }),
  CollectedSet: record({
    overflow: { ...boolean, description: 'whether there were more values than are kept' },
    values: listOf({ type: ['string', 'number', 'boolean'] }),
  }),
  Histogram: record({
    counts: {
      ...listOf(integer),
      description: 'below the first edge, from each edge to below the next, from the last one on',
    },
    edges: listOf({ type: 'number' }),
  }),
} as const;
const shapeSchemas: Readonly<Record<ResultShape, keyof typeof results | undefined>> = {
  count: undefined,
  number: undefined,
  'exact number': undefined,
  value: 'Overflow',
  'bounded count': 'Overflow',
  set: 'CollectedSet',
  percentiles: 'Percentiles',
  items: 'Items',
  histogram: 'Histogram',
};
/** Every kind with the schema of its results. */
const kindsText = Object.entries(aggregateKinds)
  .map(
    ([kind, { result }]) =>
      `${kind}: ${result}${shapeSchemas[result] === undefined ? '' : ` (${shapeSchemas[result]})`}`,
  )
  .join('; ');
const key = {
  type: 'object',
  description:
    'By name of the group-by field; of the total of a rollup or cube the fields that are totalled are missing.',
  additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
};
const events = {
  received: integer,
  counted: integer,
  late: integer,
  duplicate: integer,
  rejected: integer,
  filtered: integer,
};
const status = {
  ...text,
  enum: ['open', 'closing', 'final'],
  description: 'closing: no record is taken any more, but it is not emitted yet',
};
/** When an answer is not of the moment of the request. */
const asOf = (what: string) => ({
  asOf: {
    ...orNull(integer),
    description: `${what}: there is more behind it than a request reads, and it is as of this moment; null: of now`,
  },
  asOfTime: { ...orNull(text), format: 'date-time' },
});
const window = {
  query: text,
  ...time('start'),
  ...time('end'),
  status,
  revision: { ...orNull(integer), description: 'of its last pane, from 0; null before the first' },
  ...timeOrNull('finalizedAt'),
  records: { ...integer, description: 'how many records are in it' },
  ...asOf('of a window that is not final'),
};

const failedWindow = {
  query: text,
  ...time('start'),
  ...time('end'),
  revision: integer,
  attempts: integer,
  ...timeOrNull('failingSince'),
  reason: orNull(text),
};

const putAnswers = { accepted: integer, refused: integer, events: listOf(ref('Event')) };
const problem = {
  type: { ...text, format: 'uri-reference' },
  title: text,
  status: integer,
  detail: text,
  instance: text,
  parameter: text,
};

/** The answers of the API, by name. */
export const schemas = {
  ...results,
  Result: {
    description: `The result of an aggregate. ${kindsText}. Numbers that no double holds are text, and so are infinite ones; null: no record had a value. Of an aggregate of the pipeline's own: anything.`,
    anyOf: [
      { type: ['number', 'string', 'boolean', 'null'] },
      ...Object.keys(results).map(ref),
      { type: ['object', 'array'], description: "of an aggregate of the pipeline's own" },
    ],
  },
  Row: {
    ...record({ key, values }),
    properties: {
      key,
      values,
      grouping: {
        ...integer,
        description:
          'of rollup and cube, as GROUPING in SQL: 0 of a group; of a total a bit for each field that it lacks, the last the lowest',
      },
    },
  },
  Window: record({ ...window, rows: listOf(ref('Row')) }),
  WindowHead: record(window),
  Revision: record({
    query: text,
    ...time('start'),
    ...time('end'),
    status: { ...text, enum: ['early', 'on-time', 'late', 'final'], description: 'late: refined by late records' },
    revision: { ...integer, description: 'from 0' },
    ...timeOrNull('emittedAt'),
    records: { ...integer, description: 'how many records were in it' },
    rows: listOf(ref('Row')),
  }),
  Point: record({
    ...time('start'),
    ...time('end'),
    status: orNull(status),
    records: orNull(integer),
    ...asOf('of an open window'),
    values,
  }),
  Total: record({ query: text, ...time('from'), ...time('to'), key, values }),
  Query: record({
    name: text,
    serves: {
      ...orNull(text),
      description: 'the name without a version, when it stands for this query; null when it stands for another version',
    },
    window: text,
    timeZone: { ...text, description: 'the IANA time zone on whose clocks and calendar its windows lie' },
    groupBy: listOf(text),
    hasTotals: { ...boolean, description: 'whether it is grouped by rollup or cube: its rows have `grouping`' },
    aggregates: { type: 'object', additionalProperties: text, description: 'their kinds, by name' },
    ...timeOrNull('from'),
    ...timeOrNull('filledThrough'),
    ...timeOrNull('missedThrough'),
  }),
  SideEvent: record({
    reason: text,
    detail: text,
    shardId: text,
    sequenceNumber: text,
    subRecord: integer,
    query: orNull(text),
    ...time('arrival'),
    ...timeOrNull('eventTime', 'eventTimeIso'),
    partitionKey: text,
    payload: { ...text, description: 'at most 16 KB of it' },
    payloadBytes: integer,
    payloadHash: { ...orNull(text), description: 'SHA-256 of the whole, where only its beginning is kept' },
    settled: {
      ...orNull(text),
      enum: ['replayed', 'discarded', 'backfilled', null],
      description: 'what was done about a late event',
    },
  }),
  Shard: record({
    shardId: text,
    state: { ...text, enum: ['holding', 'idle', 'drained', 'unreadable'] },
    sequenceNumber: orNull(text),
    ...timeOrNull('maxEventTime', 'maxEventTimeIso'),
    ...timeOrNull('watermark'),
    lagMs: orNull(integer),
  }),
  Queries: record({ pipeline: text, queries: listOf(ref('Query')) }),
  Windows: record({ windows: listOf(ref('Window')), cursor: orNull(text) }),
  WindowsAt: record({ windows: listOf(ref('Window')) }),
  Revisions: record({ revisions: listOf(ref('Revision')) }),
  MissingWindows: record({
    what: { ...text, enum: ['windows', 'open windows'], description: 'open windows: all final ones are there' },
    ...time('from'),
  }),
  Totals: record({
    windows: { ...integer, description: 'how many were added up' },
    ...asOf('of the open windows among them'),
    missing: {
      oneOf: [ref('MissingWindows'), { type: 'null' }],
      description: 'what there was no time to read: the totals are without it; null: nothing is missing',
    },
    totals: listOf(ref('Total')),
  }),
  Top: record({ window: { oneOf: [ref('WindowHead'), { type: 'null' }] }, by: text, rows: listOf(ref('Row')) }),
  Series: record({ query: text, key, points: listOf(ref('Point')), cursor: orNull(text) }),
  SideEvents: record({ events: listOf(ref('SideEvent')), cursor: orNull(text) }),
  Watermark: record({
    ...timeOrNull('watermark'),
    ...timeOrNull('closedThrough'),
    ...timeOrNull('finalizedThrough'),
    lagMs: orNull(integer),
    heldBy: { ...orNull(text), description: 'the shard that holds it back' },
    ...asOf('of the shards'),
    refusals: {
      ...listOf(text),
      description: 'why nothing is counted: changes by which queries of the pipeline do not fit what is kept of them',
    },
    shards: listOf(ref('Shard')),
  }),
  Conservation: record({
    ...events,
    holds: { ...boolean, description: 'received = counted + late + duplicate + rejected + filtered' },
    shards: integer,
    ...asOf('of the numbers'),
    queries: { type: 'object', additionalProperties: record({ counted: integer, late: integer, filtered: integer }) },
  }),
  DeadLetter: record(failedWindow),
  Sink: record({
    name: text,
    kind: text,
    mode: text,
    queries: listOf(text),
    served: { ...boolean, description: 'false: it has no function here and gets nothing' },
    delivered: { ...integer, description: 'panes that were delivered' },
    ...timeOrNull('lastDeliveredAt'),
    waiting: { ...integer, description: 'windows that wait; there are more where `hasMore` says so' },
    ...timeOrNull('waitingSince'),
    failing: { oneOf: [ref('DeadLetter'), { type: 'null' }], description: 'that has failed for the longest time' },
    dead: { ...integer, description: 'dead letters; there are more where `hasMore` says so' },
    deadLetters: listOf(ref('DeadLetter')),
    hasMore: { ...boolean, description: 'whether there are more of either than were counted' },
  }),
  Sinks: record({ sinks: listOf(ref('Sink')) }),
  EmittedEpoch: record({ epoch: integer, ...timeOrNull('at'), ...timeOrNull('closedThrough') }),
  Command: record({
    id: text,
    kind: { ...text, enum: ['replay', 'backfill', 'remove'] },
    query: text,
    by: orNull(text),
    ...timeOrNull('putAt'),
    stage: { ...text, enum: ['waiting', 'gathering', 'emitting', 'done'], description: 'waiting: for an epoch' },
    epoch: { ...orNull(integer), description: 'the epoch that holds it' },
    windows: { ...orNull(integer), description: 'how many it brings something to' },
    written: { ...orNull(integer), description: 'how many it wrote, when it is done' },
    left: { ...orNull(integer), description: 'how many it left as they are, when it is done' },
  }),
  Staging: record({ id: text, query: text, ...timeOrNull('since'), ...timeOrNull('until'), ...timeOrNull('at') }),
  Operations: record({
    elected: { ...ref('EmittedEpoch'), description: 'the newest epoch; 0 before the first' },
    gathered: { ...integer, description: 'the newest epoch whose segments are there' },
    emitted: {
      type: 'object',
      description: 'how far the panes of each query are out',
      additionalProperties: ref('EmittedEpoch'),
    },
    commands: { ...listOf(ref('Command')), description: 'of the last epochs, at most 20, the newest first' },
    backfills: { ...listOf(ref('Staging')), description: 'that are handed over, and not committed' },
    removals: { ...listOf(text), description: 'queries that are being removed' },
  }),
  HistoryPoint: record({
    ...time('at'),
    received: { ...orNull({ type: 'number' }), description: 'events in that minute; null: nothing was measured' },
    lagMs: { ...orNull({ type: 'number' }), description: 'the greatest lag of the watermark; null: not measured' },
    queries: {
      type: 'object',
      additionalProperties: record({ counted: { type: 'number' }, late: { type: 'number' } }),
    },
  }),
  History: record({
    source: { ...orNull(text), enum: ['CloudWatch', null] },
    ...timeOrNull('from'),
    ...timeOrNull('to'),
    points: { ...listOf(ref('HistoryPoint')), description: 'by minute, ascending' },
  }),
  Health: record({
    pipeline: text,
    keyed: { ...boolean, description: "whether producers have to give events the pipeline's partition key" },
    source: { ...text, enum: ['kinesis', 'kafka'] },
    stream: { ...text, description: 'the stream of Kinesis, or the topic of Kafka' },
    stack: { ...orNull(text), description: 'the stack, for --stack; null: there is none' },
    port: { ...orNull(integer), description: 'the port that was asked, for --port; null: that of https' },
    status: { const: 'ok' },
  }),
  Problem: record(problem),
} as const satisfies Readonly<Record<string, JsonSchema>>;

/** Further answers of `POST /v1/events`, by name. */
export const eventSchemas = {
  Event: {
    type: 'object',
    properties: {
      index: { ...integer, description: "its place among the request's events, from 0" },
      outcome: { ...text, enum: ['accepted', 'refused'] },
      status: { ...integer, enum: [202, 413, 422, 429, 503], description: '429 and 503 are worth another try' },
      reason: { ...text, description: 'of a refused one' },
      detail: { ...text, description: 'of a refused one' },
    },
    required: ['index', 'outcome', 'status'],
    additionalProperties: false,
  },
  Events: record(putAnswers),
  EventsProblem: record({ ...problem, ...putAnswers }),
} as const satisfies Readonly<Record<string, JsonSchema>>;

export type SchemaName = keyof typeof schemas;
