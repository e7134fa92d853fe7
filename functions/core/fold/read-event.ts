import { valueText } from '../arguments/error.ts';
import type { Enriched } from '../definition/enriched.ts';
import type { RowsAt } from '../definition/lookup-table.ts';
import type { Pipeline } from '../definition/pipeline.ts';
import { type EventId, eventIdOf } from '../events/event-id.ts';
import { csvFault, parseEvent } from '../events/event-json.ts';
import { eventTimeOf } from '../events/event-time.ts';
import { isLongNumber } from '../events/exact-number.ts';
import type { KeyText } from '../events/group-key.ts';
import { type EventInputs, inputsOf } from './partial.ts';

/** The class of the reason why an event is rejected. The detail beside it is for people. */
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

/** A valid event, its time, and each query's inputs from it. */
export interface AcceptedEvent {
  readonly outcome: 'accepted';
  /** The schema's output. The event's time, id and partition key follow from it alone. */
  readonly valid: unknown;
  /** The schema's output with the fields that `enrich` gave it. */
  readonly event: unknown;
  readonly time: number;
  /** Undefined when the event has none, or the pipeline does not deduplicate. */
  readonly id: EventId | undefined;
  /** By position of the query; undefined where the query does not want the event. */
  readonly keys: readonly (KeyText | undefined)[];
  /** By position of the query, for the same queries as the keys. */
  readonly inputs: readonly (EventInputs | undefined)[];
}

/** Longest detail kept beside a rejection, in characters. */
const longestDetail = 500;

/**
 * The rejection of an event.
 * @param detail for people. Lone surrogates in it, from a pair cut in half perhaps, are replaced, because they are not
 * Unicode text: a table refuses them, and the shard would wait for ever.
 */
export function rejection(reason: RejectReason, detail: string): Rejection {
  const short = detail.length > longestDetail ? `${detail.slice(0, longestDetail)}...` : detail;
  return { outcome: 'rejected', reason, detail: short.replace(/\p{Surrogate}/gu, '\uFFFD') };
}

/**
 * Classifies events before anything is applied. An event is rejected, or accepted with all that the fold needs, so that
 * no function of the pipeline runs twice for an event. The reader is pure as long as these functions are. An event for
 * which they throw is rejected and never blocks the shard. `arrivalMs` is when the stream took the event, epoch ms: the
 * measure of "too far in the future" (DESIGN 4.3).
 */
export interface EventReader {
  text(text: string, arrivalMs: number): AcceptedEvent | Rejection;
  /** The same for an event that is parsed already. */
  parsed(parsed: unknown, arrivalMs: number): AcceptedEvent | Rejection;
}

/** The rows of a table in which nothing was published yet. */
const noRows: RowsAt = () => undefined;

/**
 * The reader of a pipeline's events.
 * @param rowsAt the rows of the pipeline's table. @default it has none, or nothing is published in it
 */
export function eventReader(pipeline: Pipeline, rowsAt: RowsAt = noRows): EventReader {
  return readerOf({ ...pipeline, enrich: pipeline.enrich?.(rowsAt) });
}

/**
 * Reads events where the rows of the pipeline's table are not at hand. It tells of an event what follows from the event
 * as it came, and not which queries count it. Without a table, it is the same as {@link eventReader}.
 */
export function ownFieldsReader(pipeline: Pipeline): EventReader {
  return pipeline.lookupTable === undefined
    ? eventReader(pipeline)
    : readerOf({ ...pipeline, enrich: undefined, queries: [] });
}

/** A pipeline with the rows of its lookup. */
type JoinedPipeline = Omit<Pipeline, 'enrich'> & {
  readonly enrich: ((event: unknown, arrivalMs: number) => Enriched) | undefined;
};

function readerOf(pipeline: JoinedPipeline): EventReader {
  const before: InputsBefore = { inputs: [] };
  const parsed = (value: unknown, arrivalMs: number): AcceptedEvent | Rejection => {
    try {
      return accept(pipeline, value, arrivalMs, before);
    } catch (error) {
      return rejection('pipeline-threw', message(error));
    }
  };
  return {
    parsed,
    text(text, arrivalMs) {
      let value: unknown;
      try {
        value = parseEvent(text);
      } catch (error) {
        return rejection('unparsable', text.startsWith(csvFault) ? text : message(error));
      }
      return parsed(value, arrivalMs);
    },
  };
}

function accept(
  pipeline: JoinedPipeline,
  parsed: unknown,
  arrivalMs: number,
  before: InputsBefore,
): AcceptedEvent | Rejection {
  const validated = pipeline.schema.validate(parsed);
  if (validated instanceof Promise) {
    // Nobody waits for it. Its failure would be an unhandled rejection, which ends the process and with it the batch,
    // again and again.
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
  if (enriched?.outcome === 'filtered') {
    const unwanted = pipeline.queries.map(() => undefined);
    return { outcome: 'accepted', valid, event: valid, time, id, keys: unwanted, inputs: unwanted };
  }
  const event = enriched === undefined ? valid : enriched.event;
  return withKeys(pipeline, { valid, event, time, id }, before);
}

/** The inputs by query of the event that was read before: see {@link inputsOf}. */
interface InputsBefore {
  inputs: readonly (EventInputs | undefined)[];
}

/** The keys and inputs, by query, of an event that is valid on its own. */
function withKeys(
  { queries }: JoinedPipeline,
  { valid, event, time, id }: Omit<AcceptedEvent, 'outcome' | 'keys' | 'inputs'>,
  before: InputsBefore,
): AcceptedEvent | Rejection {
  // Of their length from the start: an array that grows by pushing has room for 17, and a batch holds thousands.
  const keys = new Array<KeyText | undefined>(queries.length);
  const { inputs } = before;
  let changed: (EventInputs | undefined)[] | undefined;
  for (let i = 0; i < queries.length; i++) {
    const query = queries[i];
    if (query === undefined) continue;
    const { index } = query;
    let ofQuery: EventInputs | undefined;
    if (time >= query.from && time < query.until && (query.where === undefined || query.where(event))) {
      const key = query.keyOf(event);
      if (typeof key !== 'string') return rejection('group-key', `query ${query.name}: ${key.refused}`);
      const found = inputsOf(query, event, time, inputs[index]);
      if ('refused' in found) return rejection('aggregate-input', `query ${query.name}: ${found.refused}`);
      keys[i] = key;
      ofQuery = found;
    } else keys[i] = undefined;
    if (changed === undefined && index < inputs.length && inputs[index] === ofQuery) continue;
    changed ??= inputs.slice(0, queries.length);
    changed[index] = ofQuery;
  }
  if (changed !== undefined) before.inputs = changed;
  return { outcome: 'accepted', valid, event, time, id, keys, inputs: before.inputs };
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
  // Anything can be thrown, even a value on which String() itself throws.
  const text: unknown = error instanceof Error ? error.message : error;
  return typeof text === 'string' ? text : valueText(text);
}
