import { sha256 } from '@noble/hashes/sha2.js';
import { valueText } from '../arguments/error.ts';

/**
 * The result of `dedup.by`: the event's id. Null or undefined: the event has none, and is not a duplicate of anything.
 */
export type EventIdValue = string | number | bigint | null | undefined;

/**
 * An id as the log keeps it: the first 64 bits of the SHA-256 of its type and text, in two unsigned halves. Among n ids
 * of a horizon, an event is taken for another one's duplicate with a probability of n / 2^64: 1 in 30 million million
 * for 600,000 ids. Part of the stored format: it must never change.
 */
export interface EventId {
  readonly high: number;
  readonly low: number;
}

/** Text that UTF-8 cannot hold: two such ids would be one. */
const loneSurrogate = /\p{Surrogate}/u;

const utf8 = new TextEncoder();

/**
 * The id of an event; undefined when it has none; or why the given value is not an id. A number and a text of the same
 * digits are two ids.
 */
export function eventIdOf(value: EventIdValue): EventId | undefined | { readonly refused: string } {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'bigint') return hashed(`n${value}`);
  if (typeof value === 'number') {
    // A number of JSON beyond 2^53 has lost digits already: different ids would be one, and events would be lost
    // without notice.
    if (Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value))) return hashed(`n${value}`);
    return { refused: `id ${value} is not a number that tells events apart: beyond 2^53, send it as text` };
  }
  if (typeof value !== 'string') return { refused: `id ${valueText(value)} is not text or a number` };
  if (value === '') return { refused: 'id "" is empty: give null for an event without one' };
  if (loneSurrogate.test(value))
    return { refused: `id ${valueText(value)} holds half of a surrogate pair, which UTF-8 cannot` };
  return hashed(`t${value}`);
}

function hashed(text: string): EventId {
  const digest = sha256(utf8.encode(text));
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  return { high: view.getUint32(0), low: view.getUint32(4) };
}
