import type { SequenceNumber } from '../events/sequence-number.ts';
import type { AcceptedEvent, EventReader, Rejection } from './read-event.ts';

/** The origin of an event. */
interface EventOrigin {
  /** Position in a record that holds several events, aggregated or as lines; 0 in a plain one. */
  readonly subRecord: number;
  readonly bytes: () => Uint8Array;
}

/**
 * One event as it came, before it is read: its text, or why it has none, or exactly the value that `parseEvent` gives
 * for its text.
 */
export type RawEvent = EventOrigin &
  ({ readonly text: string | Rejection } | { readonly text?: undefined; readonly parsed: unknown });

/** One Kinesis record with the events in it: one, or many when a producer packed them. */
export interface StreamRecord {
  readonly sequenceNumber: SequenceNumber;
  /** When the stream took the record, epoch ms. */
  readonly arrival: number;
  readonly partitionKey: string;
  readonly events: readonly RawEvent[];
}

/** Classifies an event as it came. */
export function readRaw(reader: EventReader, raw: RawEvent, arrivalMs: number): AcceptedEvent | Rejection {
  if (raw.text === undefined) return reader.parsed(raw.parsed, arrivalMs);
  return typeof raw.text === 'string' ? reader.text(raw.text, arrivalMs) : raw.text;
}
