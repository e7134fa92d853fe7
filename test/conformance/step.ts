import { longestDurationMs } from '../../functions/core/arguments/duration.ts';
import { eventTimeBounds } from '../../functions/core/events/event-time.ts';
import { isObject, type Json, type JsonObject, listOf, objectsOf, present, unknownFields } from './json.ts';
import { requireNothing } from './unsupported.ts';

/** One event of a vector. */
export interface VectorEvent {
  /** As the vector has it. */
  readonly fields: JsonObject;
  /** Undefined when the vector names none: it then goes to the one default shard. */
  readonly partition: string | undefined;
}

/** One step of a vector; see the table in test/vectors/README.md. */
export type Step =
  | { readonly kind: 'events'; readonly events: readonly VectorEvent[] }
  /** Raises the watermark: "no more events with time < `to`". */
  | { readonly kind: 'advance'; readonly to: number }
  | { readonly kind: 'watermark'; readonly partition: string; readonly value: number }
  | { readonly kind: 'markIdle' | 'markActive' | 'removePartition' | 'addPartition'; readonly partition: string }
  /** The peer checks whether there is something to emit: a finalize run. */
  | { readonly kind: 'emit' | 'probe' }
  | { readonly kind: 'clock' | 'restart' | 'endOfStream' };

/**
 * A step with the virtual clock that it sets before it, in ms from the start; undefined leaves the clock to the runner.
 */
export type TimedStep = Step & { readonly clockMs: number | undefined };

const partitionSteps = ['markIdle', 'markActive', 'removePartition', 'addPartition'] as const;
const bareSteps = ['restart', 'endOfStream', 'emit', 'probe'] as const;

/**
 * Reads a step.
 * @param native the distance of the peer's own watermark below the exclusive one
 * @throws Unsupported
 */
export function stepOf(step: Json, eventFields: readonly string[], native: number): TimedStep {
  if (!isObject(step)) return refuse('a step that is not an object');
  const { clock = null } = step;
  if (clock !== null && !(typeof clock === 'number' && clock >= 0 && clock <= longestDurationMs))
    return refuse('steps.clock that is not a number of ms from 0 to 100 years');
  return { ...actionOf(step, eventFields, native), clockMs: clock ?? undefined };
}

function actionOf(step: JsonObject, eventFields: readonly string[], native: number): Step {
  const only = (...names: string[]) => requireNothing(unknownFields('steps', step, [...names, 'clock']));
  if ('events' in step) {
    only('events');
    return { kind: 'events', events: objectsOf(step['events']).map((event) => eventOf(event, eventFields)) };
  }
  if ('advance' in step) {
    only('advance');
    return advanceOf(step['advance'], native);
  }
  if ('watermark' in step) {
    only('watermark');
    return watermarkOf(step['watermark']);
  }
  for (const kind of partitionSteps) {
    if (!(kind in step)) continue;
    only(kind);
    return { kind, partition: partitionName(step[kind]) };
  }
  for (const kind of bareSteps) {
    if (!(kind in step)) continue;
    // An entry holds partial aggregates, not events: a schema that gained a column reads it all the same.
    only(kind, ...(kind === 'restart' ? ['schemaChange'] : []));
    return { kind };
  }
  only();
  return 'clock' in step ? { kind: 'clock' } : refuse('an empty step');
}

function eventOf(fields: JsonObject, known: readonly string[]): VectorEvent {
  requireNothing(unknownFields('events', fields, known));
  const { time, partition = null } = fields;
  if (time === undefined) return refuse('events without time');
  if (time !== null && !isEventTime(time))
    return refuse('an event time outside the bounds of functions/core/events/event-time.ts');
  return { fields, partition: partition === null ? undefined : partitionName(partition) };
}

function isEventTime(time: Json | undefined): boolean {
  return typeof time === 'number' && time >= eventTimeBounds.earliest && time <= eventTimeBounds.latest;
}

/** The peer's watermark after a step. Null says that there is none: the peer looks, and nothing is raised. */
function advanceOf(advance: Json | undefined, native: number): Step {
  const given = isObject(advance) ? advance : { exclusive: advance ?? null };
  const { exclusive, native: own } = present(given);
  if (typeof exclusive === 'number') return { kind: 'advance', to: exclusive };
  if (typeof own === 'number') return { kind: 'advance', to: own + native };
  const isNone = Object.keys(given).length > 0 && Object.values(given).every((time) => time === null);
  return isNone ? { kind: 'probe' } : refuse('steps.advance without a time');
}

function watermarkOf(watermark: Json | undefined): Step {
  const { partition, value, ...rest } = isObject(watermark) ? watermark : {};
  requireNothing(unknownFields('steps.watermark', rest, []));
  // A shard without an event time holds W at minus infinity (DESIGN 4.2), and one that has a watermark keeps it.
  if (value === null) return { kind: 'markActive', partition: partitionName(partition) };
  if (!isEventTime(value)) return refuse('steps.watermark outside the bounds of functions/core/events/event-time.ts');
  return { kind: 'watermark', partition: partitionName(partition), value: Number(value) };
}

/** The name of a partition as text. Vectors name partitions by text or number. @throws Unsupported for another type */
export function partitionName(partition: Json | undefined): string {
  return typeof partition === 'string' || typeof partition === 'number'
    ? String(partition)
    : refuse('a partition without a name');
}

function refuse(feature: string): never {
  requireNothing([feature]);
  throw new Error('unreachable');
}

/** The events of all steps as the vector has them, in order, including steps that cannot be read. */
export function rawEvents(steps: readonly Json[]): readonly JsonObject[] {
  return steps.flatMap((step) => (isObject(step) ? objectsOf(listOf(step['events'])) : []));
}
