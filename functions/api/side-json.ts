import type { SidePlace, StoredSideEvent } from '../state/rejects.ts';
import { type Parameter, refused } from './parameters.ts';

/** Longest payload shown, in bytes; `payloadBytes` tells how long the whole is, and the table of rejects keeps more of it. */
const shownBytes = 16 * 1024;

const hourMs = 3_600_000;

/** An event of the side output as the API shows it. */
export interface SideJson extends Omit<StoredSideEvent, 'payload' | 'query'> {
  readonly query: string | null;
  /** As text: bytes that are no UTF-8 appear as replacement characters. */
  readonly payload: string;
}

export function sideJson({ payload, query, ...event }: StoredSideEvent): SideJson {
  return { ...event, query: query ?? null, payload: Buffer.from(payload).subarray(0, shownBytes).toString() };
}

/** A place as a cursor; opaque to clients. */
export function placeText(place: SidePlace): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** The sort key of an item of the side output: sequence number, sub-record, query. */
const sortKeyPattern = /^\d{1,129}#\d{1,9}#[A-Za-z0-9_]{0,64}$/;

/**
 * `cursor`, as {@link placeText} made it.
 * @param fromMs the earliest arrival that is asked for, epoch ms: a place before it is moved there
 */
export function placeParameter(parameter: Parameter, fromMs: number): SidePlace | undefined {
  const text = parameter('cursor');
  if (text === undefined) return undefined;
  const place = placeOf(text);
  if (place === undefined) throw refused('cursor', text, 'is no cursor: give the one of the page before');
  const [shardId, hour] = place;
  const first = Math.floor(fromMs / hourMs) * hourMs;
  return hour < first ? [shardId, first, ''] : place;
}

/** Undefined for what no page ends with: a place that is not looked at closely may ask for a billion hours. */
function placeOf(text: string): SidePlace | undefined {
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(place) || place.length !== 3) return undefined;
  const [shardId, hour, sortKey]: unknown[] = place;
  if (typeof shardId !== 'string' || typeof hour !== 'number' || typeof sortKey !== 'string') return undefined;
  return Number.isSafeInteger(hour) && hour % hourMs === 0 && sortKeyPattern.test(sortKey) ? [shardId, hour, sortKey] : undefined;
}
