import { isoTime } from '../core/events/event-time.ts';
import type { SidePlace, StoredSideEvent } from '../state/items/side-output.ts';
import { refused } from './parameters.ts';
import { timed } from './time-json.ts';

/**
 * Longest payload shown, in bytes; `payloadBytes` tells how long the whole is, and the table of rejects keeps more of
 * it.
 */
const shownBytes = 16 * 1024;

const hourMs = 3_600_000;

/** An event of the side output as the API shows it. */
export interface SideJson extends Omit<StoredSideEvent, 'payload' | 'query' | 'eventTime' | 'payloadHash'> {
  readonly query: string | null;
  readonly arrivalTime: string;
  readonly eventTime: number | null;
  readonly eventTimeIso: string | null;
  /** As text: bytes that are no UTF-8 appear as replacement characters. */
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

export function sideJson({ payload, query, eventTime, arrival, payloadHash, ...event }: StoredSideEvent): SideJson {
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
 * A place in the side output, out of a cursor.
 * @param fromMs the earliest arrival that is asked for, epoch ms: a place before it is moved there
 */
export function sidePlace(place: unknown, text: string, fromMs: number): SidePlace {
  // Signed by this API, so it is what it gave; only a release before this one may have given something else.
  if (!Array.isArray(place) || place.length !== 3)
    throw refused('cursor', text, 'is of another release: begin with the first page');
  const [shardId, hour] = place as unknown as SidePlace;
  const first = Math.floor(fromMs / hourMs) * hourMs;
  return hour < first ? [shardId, first, ''] : (place as unknown as SidePlace);
}
