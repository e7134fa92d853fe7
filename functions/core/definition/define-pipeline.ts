import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkedFunction } from '../arguments/checked-function.ts';
import { durationMs, longestDurationMs } from '../arguments/duration.ts';
import { argumentError } from '../arguments/error.ts';
import { fieldGivenBy } from '../arguments/field-given-by.ts';
import { streamRetentionHours } from '../deployment/settings.ts';
import type { EventTimeUnit, EventTimeValue } from '../events/event-time.ts';
import { provenFields } from '../events/proven-fields.ts';
import { hasFunctions, onlyKnown, required, settings } from './checks.ts';
import { checkedQuery, fieldsOfQuery } from './define-query.ts';
import { checkNamed } from './named-fields.ts';
import type { Dedup, DedupSpec, EnrichedEvent, EventOf, Pipeline, PipelineSpec } from './pipeline.ts';
import type { OnlySettings, ResultsOf } from './results.ts';
import { anyKind, type SchemaFields, schemaFields } from './schema-fields.ts';
import { checkedSinks } from './sink.ts';

/**
 * Checks a pipeline. The result is the default export of the pipeline's file, from which the functions, the command
 * line and the tests take it.
 * @example
 * export default definePipeline({
 *   name: 'device-actions',
 *   event: z.object({ time: z.number(), action: z.enum(['Open', 'Close']) }),
 *   eventTime: { of: (event) => event.time, unit: 's' },
 *   watermark: { delay: '1 hour' },
 *   queries: {
 *     actionsPerHour: { groupBy: ['action'], window: tumbling('1 hour'), aggregates: { count: count() } },
 *   },
 * });
 * @throws TidemarkError that names the field, the value and the remedy
 */
export function definePipeline<
  Schema extends StandardSchemaV1,
  Added = never,
  Queries extends PipelineSpec<Schema, Added>['queries'] = PipelineSpec<Schema, Added>['queries'],
>(
  spec: Omit<PipelineSpec<Schema, Added>, 'queries'> & { readonly queries: Queries & OnlySettings<Queries> },
): Pipeline<ResultsOf<EnrichedEvent<EventOf<Schema>, Added>, Queries>> {
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
    throw argumentError(
      'name',
      spec.name,
      'is not a pipeline name: use 1 to 40 lower case letters, digits and dashes, a letter first',
    );
  if (names.length === 0) throw argumentError('queries', spec.queries, 'has no query: give at least one, by name');
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
    timeField: fieldGivenBy(eventTime.of),
    proven: provenFields(spec.event),
    partitionKey:
      spec.partitionKey === undefined
        ? dedup && idAsPartitionKey(dedup)
        : checkedFunction('partitionKey', spec.partitionKey),
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
    throw argumentError(
      'enrich',
      given,
      "is not a lookup: write lookup(devices, 'deviceId'), or lookup(table('devices'), 'deviceId', { fields: ['room'] })",
    );
  return { enrich: () => given.enrich, lookupTable: undefined };
}

/** The fields that queries see; undefined: a lookup of the user's own does not say which it adds. */
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
    by: checkedFunction('dedup.by', by),
    withinMs: durationMs('dedup.within', required('dedup.within', within, "within: '10 minutes'"), bounds),
  };
}

/** The partition key that follows from the id. An event without an id may go to any shard, so any text will do. */
function idAsPartitionKey({ by }: Dedup): (event: unknown) => string {
  return (event) => String(by(event) ?? '');
}

function checkedSchema(schema: StandardSchemaV1 | undefined): StandardSchemaV1['~standard'] {
  required('event', schema, 'event: z.object({ time: z.number() }), or another Standard Schema (standardschema.dev)');
  const standard = schema?.['~standard'];
  if (standard === undefined || typeof standard.validate !== 'function')
    throw argumentError(
      'event',
      schema,
      'is not a Standard Schema validator: use zod, valibot, arktype or another (standardschema.dev)',
    );
  if (answersWithPromise(standard))
    throw argumentError(
      'event',
      schema,
      'answers null with a promise: use a synchronous schema that takes any value, null too, without throwing (zod turns a throw into a promise)',
    );
  return standard;
}

/**
 * Whether a schema validates asynchronously. It is tried with null, which a record may hold and a schema's author may
 * not have thought of. If a schema throws for null, only such a record is rejected.
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
  if (typeof eventTime === 'function') return { of: checkedFunction('eventTime', eventTime), unit: undefined };
  const form = "a function of the event: write (event) => event.time or { of: (event) => event.time, unit: 's' }";
  const { of, unit } = settings('eventTime', eventTime, form);
  onlyKnown('eventTime', eventTime, ['of', 'unit']);
  return { of: checkedFunction('eventTime.of', of), unit: unit === undefined ? undefined : checkedUnit(unit) };
}

function checkedUnit(unit: EventTimeUnit): EventTimeUnit {
  if (unit !== 's' && unit !== 'ms') throw argumentError('eventTime.unit', unit, "is not a unit: use 's' or 'ms'");
  return unit;
}
