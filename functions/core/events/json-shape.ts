import { type BytePattern, bytePattern } from './byte-pattern.ts';
import type { AsciiText } from './json-scalars.ts';

/** A field of a shape: the bytes before its value, with its name: `{"time":`, then `,"action":`. */
export interface ShapeField {
  readonly before: BytePattern;
  readonly name: string;
}

/** The bytes around the values of a flat object of JSON. */
export interface Shape {
  readonly fields: readonly ShapeField[];
  /** The bytes after the last value: `}`. */
  readonly after: BytePattern;
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/**
 * Names that are not set one by one. Assigning `__proto__` does not make a plain property. An object with the other
 * one may stand for a number (`parseEvent`).
 */
const unsafeNames = ['__proto__', '$numberDouble'];

/**
 * The shape of a flat object that is valid JSON. Undefined when the object is not flat, or has names that are not safe
 * to set one by one.
 */
export function shapeOf(bytes: Uint8Array, from: number, to: number, asciiText: AsciiText): Shape | undefined {
  const fields: ShapeField[] = [];
  let start = skipSpace(bytes, from, to);
  if (start !== from || bytes[start] !== OPEN) return undefined;
  for (let at = start; ; ) {
    const quote = skipSpace(bytes, at + 1, to);
    if (bytes[quote] !== QUOTE) return undefined;
    const close = closingQuote(bytes, quote + 1, to);
    if (close === undefined) return undefined;
    const name = asciiText(bytes, quote + 1, close);
    const colon = skipSpace(bytes, close + 1, to);
    // The second of two equal names would have to win.
    if (bytes[colon] !== COLON || unsafeNames.includes(name) || fields.some((field) => field.name === name))
      return undefined;
    const value = skipSpace(bytes, colon + 1, to);
    fields.push({ before: copied(bytes, start, value), name });
    const end = endOfScalar(bytes, value, to);
    if (end === undefined) return undefined;
    start = end;
    at = skipSpace(bytes, end, to);
    if (bytes[at] === CLOSE && at < to) return { fields, after: copied(bytes, end, at + 1) };
    if (bytes[at] !== COMMA) return undefined;
  }
}

/** A copy that shares no memory: `slice` of Node's Buffer does, and buffers are read into again. */
function copied(bytes: Uint8Array, from: number, to: number): BytePattern {
  return bytePattern(new Uint8Array(bytes.subarray(from, to)));
}

function skipSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === 32 || bytes[at] === 9)) at++;
  return at;
}

/** The position of the closing quote. Undefined when the text has escapes or is beyond ASCII. */
function closingQuote(bytes: Uint8Array, from: number, to: number): number | undefined {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte > 127) return undefined;
  }
  return undefined;
}

/**
 * Where a value ends that is neither an object nor an array. Text may be anything here: only the bytes around it are
 * learned.
 */
function endOfScalar(bytes: Uint8Array, from: number, to: number): number | undefined {
  const first = bytes[from];
  if (first === OPEN || first === 91) return undefined;
  let at = from;
  if (first === QUOTE) {
    for (at++; at < to && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    return at + 1;
  }
  while (at < to && bytes[at] !== COMMA && bytes[at] !== CLOSE && bytes[at] !== 32 && bytes[at] !== 9) at++;
  return at;
}
