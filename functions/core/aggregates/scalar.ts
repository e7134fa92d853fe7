import { sha256 } from '@noble/hashes/sha2.js';
import { ambiguity, isAmbiguous } from '../events/exact-number.ts';
import { type AggregateInput, type Json, none } from './aggregate.ts';
import { refusal } from './number-input.ts';

/**
 * A value that aggregates of any values take: text, a finite number or a boolean. Null and undefined are left out, as
 * in SQL.
 */
export type Scalar = string | number | boolean;

/** A function of the event that gives the value for an aggregate of values, where no field holds it. Must be pure. */
export type ScalarOf<Event> = (event: Event) => Scalar | null | undefined;

/**
 * JSON can escape it, but a table cannot hold it. Two such values would differ while their window is open and be one
 * after it.
 */
const loneSurrogate = /\p{Surrogate}/u;

/** A value, nothing, or the reason why the event is refused. */
export function scalarInput(kind: string, value: unknown): AggregateInput<Scalar> {
  if (typeof value === 'string') {
    if (loneSurrogate.test(value))
      return { kind: 'refused', reason: `${kind} of text with half of a surrogate pair, which UTF-8 cannot hold` };
    return { kind: 'value', value };
  }
  // Zero has one sign, or the result would depend on which came first.
  if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'value', value: value === 0 ? 0 : value };
  if (typeof value === 'boolean') return { kind: 'value', value };
  if (value === null || value === undefined) return none;
  return refusal(kind, value);
}

/** {@link scalarInput} for aggregates that tell values apart: two of them never become one without notice. */
export function distinctInput(kind: string, value: unknown): AggregateInput<Scalar> {
  if (typeof value === 'number' && isAmbiguous(value))
    return { kind: 'refused', reason: `${kind}: ${ambiguity(value)}` };
  return scalarInput(kind, value);
}

/** Whether decoded JSON is a value. */
export function isScalar(json: Json | undefined): json is Scalar {
  return typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean';
}

/** Text longer than this is shown shortened by `topK` and `collectSet`, in UTF-16 units. */
const longestShown = 200;

/**
 * A value as JSON text, which is its name in sets. Long text is cut; 128 bits of SHA-256 of the whole tell it apart:
 * `"https://...#7Hk..."`.
 */
export function shownText(value: Scalar): string {
  if (typeof value !== 'string' || value.length <= longestShown) return JSON.stringify(value);
  const cut = value.slice(0, longestShown).replace(/\p{Surrogate}$/u, '');
  return JSON.stringify(`${cut}...#${digest(value)}`);
}

/** 128 bits of SHA-256 in 22 characters: no two values share it, unless somebody has broken SHA-256. */
export function digest(text: string): string {
  const bytes = sha256(new TextEncoder().encode(text)).subarray(0, 16);
  let [bits, held, out] = [0, 0, ''];
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += digits64[(held >>> bits) & 63];
    }
  }
  return out + (digits64[(held << (6 - bits)) & 63] ?? '');
}

/** The digits of base64url, in the order of their values. */
export const digits64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Bytes of a text as UTF-8. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair has two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}

/** Order by code unit. */
export function byText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
