import { isoTime } from '../core/events/event-time.ts';
import type { StoredSideEvent } from '../state/items/side-event.ts';
import type { SidePlace } from '../state/items/side-place.ts';
import { refused } from './parameters.ts';
import { timed } from './time-json.ts';

/**
 * Longest payload shown, in bytes. `payloadBytes` tells the length of the whole, and the table of rejects keeps more of
 * it.
 */
const shownBytes = 16 * 1024;

const hourMs = 3_600_000;

/** An event of the side output as the API shows it. */
export interface SideJson
  extends Omit<StoredSideEvent, 'payload' | 'query' | 'eventTime' | 'payloadHash' | 'position' | 'claim' | 'inside'> {
  readonly query: string | null;
  readonly arrivalTime: string;
  readonly eventTime: number | null;
  readonly eventTimeIso: string | null;
  /** As text: bytes that are not UTF-8 appear as replacement characters. */
  readonly payload: string;
  readonly payloadHash: string | null;
}

export const sideColumns = [
  'reason',
  'detail',
  'shardId',
  'sequenceNumber',
  'subRecord',
  'query',
  'arrival',
  'arrivalTime',
  'eventTime',
  'eventTimeIso',
  'partitionKey',
  'payload',
  'payloadBytes',
  'payloadHash',
  'settled',
] as const;

export function sideJson({
  payload,
  query,
  eventTime,
  arrival,
  payloadHash,
  position: _position,
  claim: _claim,
  inside: _inside,
  ...event
}: StoredSideEvent): SideJson {
  return {
    ...event,
    query: query ?? null,
    arrival,
    arrivalTime: isoTime(arrival),
    ...timed('eventTime', 'eventTimeIso', eventTime),
    payload: Buffer.from(payload).subarray(0, shownBytes).toString(),
    payloadHash: payloadHash ?? null,
  };
}

/**
 * A place in the side output, read from a cursor.
 * @param fromMs the earliest requested arrival, epoch ms: an earlier place is moved there
 */
export function sidePlace(place: unknown, text: string, fromMs: number): SidePlace {
  // This API has signed it, so it has the form that this API gives. Only an earlier release may have given another one.
  if (!Array.isArray(place) || place.length !== 3)
    throw refused('cursor', text, 'is of another release: begin with the first page');
  const [shardId, hour] = place as unknown as SidePlace;
  const first = Math.floor(fromMs / hourMs) * hourMs;
  return hour < first ? [shardId, first, ''] : (place as unknown as SidePlace);
}
