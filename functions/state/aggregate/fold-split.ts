import type { Query } from '../../core/definition/pipeline.ts';
import { isAfter, type SequenceNumber } from '../../core/events/sequence-number.ts';
import type { KeyFold } from '../../core/fold/fold.ts';
import { addInputs, type EventInputs, identityOf } from '../../core/fold/partial.ts';

/** The part of one chunk that a slice's writer needs. */
export interface Chunk {
  readonly firstSequenceNumber: SequenceNumber;
  /** The sequence number of the chunk's last record: what its pages carry afterwards. */
  readonly lastSequenceNumber: SequenceNumber;
  /** The events by their position, as the fold knows them. */
  readonly events: readonly {
    /** The inputs that each query takes from the event, by its position. */
    readonly inputs: readonly (EventInputs | undefined)[];
    readonly time: number;
    readonly sequenceNumber: SequenceNumber;
  }[];
}

/**
 * Splits folds at a sequence number: the events at or below it are in a page already, the rest is folded again without
 * them.
 */
export function splitAfter(query: Query, folds: readonly KeyFold[], chunk: Chunk, number: SequenceNumber | undefined) {
  if (isAfter(chunk.firstSequenceNumber, number)) return { counted: [], left: folds };
  const counted: number[] = [];
  const left: KeyFold[] = [];
  for (const fold of folds) {
    const rest = fold.events.filter((at) => isAfter(eventAt(chunk, at).sequenceNumber, number));
    appendAll(counted, fold.events.slice(0, fold.events.length - rest.length));
    if (rest.length === fold.events.length) left.push(fold);
    else if (rest.length > 0) left.push({ key: fold.key, states: refolded(query, rest, chunk), events: rest });
  }
  return { counted, left };
}

function refolded(query: Query, events: readonly number[], chunk: Chunk): unknown[] {
  const states = identityOf(query);
  for (const at of events) {
    const { inputs, time } = eventAt(chunk, at);
    const ofQuery = inputs[query.index];
    if (ofQuery !== undefined) addInputs(query, states, ofQuery, time);
  }
  return states;
}

function eventAt(chunk: Chunk, at: number): Chunk['events'][number] {
  const event = chunk.events[at];
  if (event === undefined) throw new Error(`no event ${at} in the chunk`);
  return event;
}

/** Adds to an array. One packed batch has more events than a call may have arguments, so `push(...)` will not do. */
export function appendAll<T>(target: T[], source: readonly T[]): void {
  for (const item of source) target.push(item);
}
