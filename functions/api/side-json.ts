import type { SidePlace, StoredSideEvent } from '../state/rejects.ts';
import { type Parameter, refused } from './parameters.ts';

/** Longest payload shown, in bytes; `payloadBytes` tells how long the whole is, and the table of rejects keeps more of it. */
const shownBytes = 16 * 1024;

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

/** `cursor`, as {@link placeText} made it. */
export function placeParameter(parameter: Parameter): SidePlace | undefined {
  const text = parameter('cursor');
  if (text === undefined) return undefined;
  try {
    const place: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Array.isArray(place) && typeof place[0] === 'string' && Number.isSafeInteger(place[1]) && typeof place[2] === 'string')
      return [place[0], place[1], place[2]];
  } catch {
    // Falls through to the one answer for all kinds of nonsense.
  }
  throw refused('cursor', text, 'is no cursor: give the one of the page before');
}
