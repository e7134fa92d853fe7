import type { Pipeline } from '../core/definition/pipeline.ts';
import { ownFieldsReader, type RejectReason } from '../core/fold/read-event.ts';
import { eventRecord } from '../feeder/event-record.ts';
import { eventPartitionKey } from '../feeder/partition-key.ts';
import type { PutEntry } from '../feeder/put-records.ts';
import type { NotStored } from '../feeder/put-within.ts';
import type { BodyEvent } from './event-body.ts';

/**
 * The outcome of one event of a request. `status` is the HTTP status: 429 and 503 are worth another try, the other
 * refusals are not.
 */
export type EventAnswer =
  | { readonly index: number; readonly outcome: 'accepted'; readonly status: 202 }
  | {
      readonly index: number;
      readonly outcome: 'refused';
      readonly status: 413 | 422 | 429 | 503;
      readonly reason: RejectReason | 'too-large' | NotStored;
      readonly detail: string;
    };

/** An event that was refused without being put, or the record that holds it. */
export type JudgedEvent = EventAnswer | PutEntry;

/**
 * The judgement of the pipeline's schema and rules, which is the one that the aggregate function will reach. A refused
 * event is not put. Only the aggregate function knows whether an event is late or a table has no row for it.
 */
export function judge(
  pipeline: Pipeline,
  given: BodyEvent,
  index: number,
  { nowMs, newKey }: { readonly nowMs: number; readonly newKey: () => string },
): JudgedEvent {
  const read = 'outcome' in given ? given : ownFieldsReader(pipeline).parsed(given.parsed, nowMs);
  if (read.outcome === 'rejected')
    return { index, outcome: 'refused', status: 422, reason: read.reason, detail: read.detail };
  const data = 'data' in given ? given.data : new Uint8Array();
  const record = eventRecord(data, eventPartitionKey(pipeline, read.valid) ?? newKey());
  return (
    record ?? {
      index,
      outcome: 'refused',
      status: 413,
      reason: 'too-large',
      detail: `${data.length} bytes are more than a Kinesis record holds`,
    }
  );
}

const notStored: Readonly<Record<NotStored, { readonly status: 429 | 503; readonly detail: string }>> = {
  throttled: { status: 429, detail: 'the stream takes no more at the moment: send the event again' },
  unavailable: {
    status: 503,
    detail:
      'the stream did not answer: send the event again; it may be stored all the same, and is counted once where the pipeline deduplicates',
  },
};

/**
 * The answers to all events of a request, in their order.
 * @param stored the outcome of putting the events that were not refused
 */
export function eventAnswers(
  judged: readonly JudgedEvent[],
  stored: ReadonlyMap<PutEntry, NotStored>,
): readonly EventAnswer[] {
  return judged.map((event, index) => {
    if ('outcome' in event) return event;
    const reason = stored.get(event);
    return reason === undefined
      ? { index, outcome: 'accepted', status: 202 }
      : { index, outcome: 'refused', reason, ...notStored[reason] };
  });
}
