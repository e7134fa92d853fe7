import { shown } from '../arguments/error.ts';
import type { Pipeline } from '../definition/pipeline.ts';
import { type EventId, eventIdOf } from '../events/event-id.ts';
import { parseEvent } from '../events/event-json.ts';
import { eventTimeOf } from '../events/event-time.ts';
import { isLongNumber } from '../events/exact-number.ts';
import type { KeyText } from '../events/group-key.ts';

/** Why an event is rejected; the detail beside it is for people. */
export type RejectReason =
  | 'encoding'
  | 'unparsable'
  | 'corrupt-aggregate'
  | 'schema'
  | 'no-event-time'
  | 'event-id'
  | 'unknown-key'
  | 'future'
  | 'group-key'
  | 'aggregate-input'
  | 'pipeline-threw';

export interface Rejection {
  readonly outcome: 'rejected';
  readonly reason: RejectReason;
  readonly detail: string;
}

/** A valid event, its time, and its key for each query, undefined where the query does not want it. */
export interface AcceptedEvent {
  readonly outcome: 'accepted';
  /** What the schema made of it: its time, its id and its partition key follow from this alone. */
  readonly valid: unknown;
  /** With what `enrich` gave it. */
  readonly event: unknown;
  readonly time: number;
  /** Undefined when it has none, or the pipeline does not deduplicate. */
  readonly id: EventId | undefined;
  readonly keys: readonly (KeyText | undefined)[];
}

/** Longest detail kept beside a rejection, in characters. */
const longestDetail = 500;

/**
 * @param detail for people; what is no Unicode in it, cut in half perhaps, is replaced, for a table refuses it, and the
 * shard would wait for ever
 */
export function rejection(reason: RejectReason, detail: string): Rejection {
  const short = detail.length > longestDetail ? `${detail.slice(0, longestDetail)}...` : detail;
  return { outcome: 'rejected', reason, detail: short.replace(/\p{Surrogate}/gu, '\uFFFD') };
}

/**
 * Classifies the text of one event before anything is applied: rejected, or accepted with all that the fold needs. Pure
 * as long as the pipeline's own functions are; what they throw rejects the event and never blocks the shard.
 * @param arrivalMs when the stream took it, epoch ms: the measure of "too far in the future" (DESIGN 4.3)
 */
export function readEvent(pipeline: Pipeline, text: string, arrivalMs: number): AcceptedEvent | Rejection {
  let parsed: unknown;
  try {
    parsed = parseEvent(text);
  } catch (error) {
    return rejection('unparsable', message(error));
  }
  return readParsed(pipeline, parsed, arrivalMs);
}

/** {@link readEvent} for an event that something else has parsed already. */
export function readParsed(pipeline: Pipeline, parsed: unknown, arrivalMs: number): AcceptedEvent | Rejection {
  // What is the caller's mistake must not pass for the event's.
  if (pipeline.lookupTable !== undefined && pipeline.enrich === undefined)
    throw new Error(`the rows of table ${pipeline.lookupTable.table} are not at hand`);
  try {
    return accept(pipeline, parsed, arrivalMs);
  } catch (error) {
    return rejection('pipeline-threw', message(error));
  }
}

function accept(pipeline: Pipeline, parsed: unknown, arrivalMs: number): AcceptedEvent | Rejection {
  const validated = pipeline.schema.validate(parsed);
  if (validated instanceof Promise) {
    // Nobody waits for it, so its failure would be an unhandled rejection, which ends the process and with it the
    // batch, again and again.
    validated.catch(() => undefined);
    return rejection(
      'schema',
      'the schema answered with a promise: it validates asynchronously, or threw (zod turns a throw into a promise)',
    );
  }
  if (validated.issues !== undefined)
    return rejection('schema', validated.issues.map((issue) => describeIssue(issue, parsed)).join('; '));
  const valid = validated.value;
  const time = eventTimeOf(pipeline.eventTime(valid), pipeline.eventTimeUnit);
  if (typeof time !== 'number') return rejection('no-event-time', time.refused);
  if (time > arrivalMs + pipeline.maxFutureSkewMs)
    return rejection(
      'future',
      `event time ${time} is more than ${pipeline.maxFutureSkewMs} ms after its arrival ${arrivalMs}`,
    );
  const id = pipeline.dedup === undefined ? undefined : eventIdOf(pipeline.dedup.by(valid));
  if (id !== undefined && 'refused' in id) return rejection('event-id', id.refused);
  const enriched = pipeline.enrich === undefined ? undefined : pipeline.enrich(valid, arrivalMs);
  if (enriched?.outcome === 'unknown') return rejection('unknown-key', enriched.detail);
  if (enriched?.outcome === 'filtered')
    return { outcome: 'accepted', valid, event: valid, time, id, keys: pipeline.queries.map(() => undefined) };
  const event = enriched === undefined ? valid : enriched.event;
  return withKeys(pipeline, { valid, event, time, id });
}

/** The keys of an event whose own matters are settled, by query. */
function withKeys(
  pipeline: Pipeline,
  { valid, event, time, id }: Omit<AcceptedEvent, 'outcome' | 'keys'>,
): AcceptedEvent | Rejection {
  const keys: (KeyText | undefined)[] = [];
  for (const query of pipeline.queries) {
    if (time < query.from || time >= query.until || (query.where !== undefined && !query.where(event))) {
      keys.push(undefined);
      continue;
    }
    const key = query.keyOf(event);
    if (typeof key !== 'string') return rejection('group-key', `query ${query.name}: ${key.refused}`);
    for (const aggregate of query.aggregates) {
      const input = aggregate.input(event, time);
      if (input.kind === 'refused') return rejection('aggregate-input', `query ${query.name}: ${input.reason}`);
    }
    keys.push(key);
  }
  return { outcome: 'accepted', valid, event, time, id, keys };
}

interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

function describeIssue({ message, path: parts = [] }: Issue, parsed: unknown): string {
  const path = parts.map((part) => (typeof part === 'object' && part !== null && 'key' in part ? part.key : part));
  const about = path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
  const found = path.reduce(memberOf, parsed);
  return isLongNumber(found)
    ? `${about} (${found} has more digits than a double keeps, so it is text here: let the schema take text too)`
    : about;
}

function memberOf(value: unknown, name: unknown): unknown {
  return typeof value === 'object' && value !== null && typeof name !== 'object'
    ? Reflect.get(value, String(name))
    : undefined;
}

function message(error: unknown): string {
  // Anything can be thrown, also what String() itself throws on.
  const text: unknown = error instanceof Error ? error.message : error;
  return typeof text === 'string' ? text : shown(text);
}
