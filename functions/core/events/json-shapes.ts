/**
 * Reads JSON lines that look like earlier ones, straight from their bytes. Most streams repeat one or a few flat
 * objects (`{"time":1,"action":"Open"}`). Their braces, names and commas are compared instead of parsed, at a fraction
 * of the time of `JSON.parse`. A read gives exactly the value of `JSON.parse`, or nothing. Any difference from a known
 * shape (order, white space, nesting, escapes, text beyond ASCII, exponents, long numbers) is left to `JSON.parse`,
 * whose verdict may then teach a new shape.
 */
export interface JsonShapes {
  /**
   * The object that starts at `from`; undefined when it has no known shape. Never reads at or beyond `to`. {@link
   * JsonShapes.end} says where the object ended.
   */
  read(bytes: Uint8Array, from: number, to: number): Readonly<Record<string, unknown>> | undefined;
  /** The position after the last object that was read. */
  end(): number;
  /** Learns from `[from, to)`, which `JSON.parse` has accepted. */
  learn(bytes: Uint8Array, from: number, to: number): void;
}

/** Decodes bytes that are all below 128. */
export type AsciiText = (bytes: Uint8Array, from: number, to: number) => string;

/** A field of a shape: the bytes before its value, with its name: `{"time":`, then `,"action":`. */
interface Field {
  readonly before: Uint8Array;
  readonly name: string;
}

interface Shape {
  readonly fields: readonly Field[];
  /** The bytes after the last value: `}`. */
  readonly after: Uint8Array;
}

/** Most shapes that are tried on a line. */
const mostShapes = 8;

/** Most lessons. An input that needs more does not have few shapes, and learning costs. */
const mostLessons = 200;

/**
 * How many texts are remembered, a power of two, and the longest of them in bytes: group-by fields have few, short
 * values.
 */
const rememberedTexts = 1024;
const longestRemembered = 48;

/**
 * Most digits of a number that is read here. Below 10^15 and with up to 15 decimals, one division of two exact doubles
 * rounds as JSON.parse does.
 */
const mostDigits = 15;
const powersOfTen = Array.from({ length: mostDigits + 1 }, (_, i) => 10 ** i);

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const COLON = 58;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/** A reader that knows no shape yet. */
export function createJsonShapes(asciiText: AsciiText): JsonShapes {
  const shapes: Shape[] = [];
  const texts: (string | undefined)[] = new Array(rememberedTexts).fill(undefined);
  let lessons = 0;
  let at = 0;

  function read(bytes: Uint8Array, from: number, to: number): Readonly<Record<string, unknown>> | undefined {
    for (let i = 0; i < shapes.length; i++) {
      const shape = shapes[i];
      const event = shape === undefined ? undefined : readAs(shape, bytes, from, to);
      if (event === undefined || shape === undefined) continue;
      if (i > 0) {
        shapes[i] = shapes[i - 1] ?? shape;
        shapes[i - 1] = shape;
      }
      return event;
    }
    return undefined;
  }

  function readAs(
    shape: Shape,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): Readonly<Record<string, unknown>> | undefined {
    const event: Record<string, unknown> = {};
    const { fields } = shape;
    at = from;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field === undefined || !passes(field.before, bytes, to)) return undefined;
      const value = readScalar(bytes, to);
      if (value === undefined) return undefined;
      event[field.name] = value;
    }
    return passes(shape.after, bytes, to) ? event : undefined;
  }

  /** Moves past the expected bytes if they stand here. */
  function passes(expected: Uint8Array, bytes: Uint8Array, to: number): boolean {
    const { length } = expected;
    const start = at;
    if (start + length > to) return false;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== expected[i]) return false;
    at = start + length;
    return true;
  }

  function readScalar(bytes: Uint8Array, to: number): string | number | boolean | null | undefined {
    if (at >= to) return undefined;
    const first = bytes[at] ?? 0;
    if (first === QUOTE) return readText(bytes, to);
    if (first === MINUS || (first >= ZERO && first <= ZERO + 9)) return readNumber(bytes, to);
    if (first === 116 && passes(literals.true, bytes, to)) return true;
    if (first === 102 && passes(literals.false, bytes, to)) return false;
    if (first === 110 && passes(literals.null, bytes, to)) return null;
    return undefined;
  }

  function readNumber(bytes: Uint8Array, to: number): number | undefined {
    let position = at;
    const negative = bytes[position] === MINUS;
    if (negative) position++;
    const whole = position;
    let value = 0;
    let byte = 0;
    for (; position < to; position++) {
      byte = bytes[position] ?? 0;
      if (byte < ZERO || byte > ZERO + 9) break;
      value = value * 10 + (byte - ZERO);
    }
    let digits = position - whole;
    if (digits === 0 || digits > mostDigits || (digits > 1 && bytes[whole] === ZERO)) return undefined;
    if (byte === POINT && position < to) {
      const fraction = ++position;
      for (; position < to; position++) {
        byte = bytes[position] ?? 0;
        if (byte < ZERO || byte > ZERO + 9) break;
        value = value * 10 + (byte - ZERO);
      }
      const decimals = position - fraction;
      digits += decimals;
      if (decimals === 0 || digits > mostDigits) return undefined;
      value /= powersOfTen[decimals] ?? 1;
    }
    // An exponent, or a number that goes on beyond `to`, does not match the bytes before the next value.
    at = position;
    return negative ? -value : value;
  }

  function readText(bytes: Uint8Array, to: number): string | undefined {
    const start = at + 1;
    let hash = 0;
    for (let position = start; position < to; position++) {
      const byte = bytes[position] ?? 0;
      if (byte === QUOTE) {
        at = position + 1;
        return remembered(bytes, start, position, hash);
      }
      if (byte === BACKSLASH || byte < 32 || byte > 127) return undefined;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    return undefined;
  }

  /**
   * The same string for equal texts. It needs no allocation, and the maps that it is looked up in know its hash
   * already.
   */
  function remembered(bytes: Uint8Array, from: number, to: number, hash: number): string {
    const length = to - from;
    if (length > longestRemembered) return asciiText(bytes, from, to);
    const slot = (hash ^ (hash >>> 15)) & (rememberedTexts - 1);
    const known = texts[slot];
    if (known !== undefined && known.length === length && isText(known, bytes, from)) return known;
    const text = asciiText(bytes, from, to);
    texts[slot] = text;
    return text;
  }

  function learn(bytes: Uint8Array, from: number, to: number): void {
    if (lessons >= mostLessons) return;
    lessons++;
    const shape = shapeOf(bytes, from, to, asciiText);
    if (shape === undefined) return;
    shapes.unshift(shape);
    if (shapes.length > mostShapes) shapes.pop();
  }

  return { read, learn, end: () => at };
}

const literals = {
  true: Uint8Array.of(116, 114, 117, 101),
  false: Uint8Array.of(102, 97, 108, 115, 101),
  null: Uint8Array.of(110, 117, 108, 108),
};

function isText(text: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}

/**
 * The shape of a flat object that is valid JSON. Undefined when the object is not flat, or has names that are not safe
 * to set one by one.
 */
function shapeOf(bytes: Uint8Array, from: number, to: number, asciiText: AsciiText): Shape | undefined {
  const fields: Field[] = [];
  let start = skipSpace(bytes, from, to);
  if (start !== from || bytes[start] !== OPEN) return undefined;
  for (let at = start; ; ) {
    const quote = skipSpace(bytes, at + 1, to);
    if (bytes[quote] !== QUOTE) return undefined;
    const close = closingQuote(bytes, quote + 1, to);
    if (close === undefined) return undefined;
    const name = asciiText(bytes, quote + 1, close);
    const colon = skipSpace(bytes, close + 1, to);
    // The second of two equal names would have to win. Assigning `__proto__` does not make a plain property.
    if (bytes[colon] !== COLON || name === '__proto__' || fields.some((field) => field.name === name)) return undefined;
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
function copied(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
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
