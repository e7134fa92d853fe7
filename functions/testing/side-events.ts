import type { RejectReason } from '../core/fold/read-event.ts';
import { isSideEvent, type StoredSideEvent, storedSideEvent } from '../state/items/side-event.ts';
import type { FedRecord } from './fed-events.ts';
import type { ItemStore } from './item-store.ts';

/** An event that came too late for all windows of a query that it belongs to. Times are epoch ms. */
export interface LateEvent {
  /** The query for which it was late. */
  readonly query: string;
  /** The event as the test gave it. */
  readonly event: unknown;
  /** Its own time. */
  readonly eventTime: number;
  /** When it arrived. */
  readonly arrivedAt: number;
  /** The position of its shard. */
  readonly shard: number;
  /** The reason in words. */
  readonly detail: string;
}

/** An event that was rejected for all queries. */
export interface RejectedEvent {
  /** The class of the reason. */
  readonly reason: RejectReason;
  /** The event as the test gave it. */
  readonly event: unknown;
  /** When it arrived, epoch ms. */
  readonly arrivedAt: number;
  /** The position of its shard. */
  readonly shard: number;
  /** The reason in words. */
  readonly detail: string;
}

/** The late events, in the order in which they were put; one that was late for several queries is there for each. */
export function lateEvents(
  rejects: ItemStore,
  records: ReadonlyMap<string, FedRecord>,
  queries: readonly string[],
): readonly LateEvent[] {
  const position = ({ query = '' }: StoredSideEvent) => queries.indexOf(query);
  return sideEvents(rejects)
    .filter(({ reason }) => reason === 'late')
    .sort((left, right) => inOrder(left, right) || position(left) - position(right))
    .map((side) => ({
      query: side.query ?? '',
      event: records.get(side.sequenceNumber)?.given,
      eventTime: side.eventTime ?? Number.NaN,
      arrivedAt: side.arrival,
      shard: records.get(side.sequenceNumber)?.shard ?? Number.NaN,
      detail: side.detail,
    }));
}

/** The rejected events, in the order in which they were put. */
export function rejectedEvents(rejects: ItemStore, records: ReadonlyMap<string, FedRecord>): readonly RejectedEvent[] {
  return sideEvents(rejects)
    .sort(inOrder)
    .flatMap(({ reason, detail, sequenceNumber, arrival }) =>
      reason === 'late'
        ? []
        : {
            reason,
            event: records.get(sequenceNumber)?.given,
            arrivedAt: arrival,
            shard: records.get(sequenceNumber)?.shard ?? Number.NaN,
            detail,
          },
    );
}

const sideEvents = (rejects: ItemStore) => [...rejects.all()].filter(isSideEvent).map((item) => storedSideEvent(item));

const inOrder = (left: StoredSideEvent, right: StoredSideEvent) =>
  Number(left.sequenceNumber) - Number(right.sequenceNumber) || left.subRecord - right.subRecord;
