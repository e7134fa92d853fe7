import { type BytePattern, bytePattern, matches, viewOf } from './byte-pattern.ts';

/** Decodes bytes that are all below 128. */
export type AsciiText = (bytes: Uint8Array, from: number, to: number) => string;

/** A scalar of JSON. */
export type JsonScalar = string | number | boolean | null;

/** A text that was read before, and what is known about it. */
export interface KnownText {
  readonly text: string;
  /** Its bytes with the quote behind them. */
  readonly quoted: BytePattern;
  /** Whether the schema takes it as it is, once that was asked. */
  isAccepted: boolean | undefined;
  /** By position of the query, what follows from this text alone. */
  readonly uses: unknown[];
}

/** A scalar as it is read from bytes. Equal short texts of a field are mostly one object. */
export type FoundScalar = KnownText | number | boolean | null;

/** The value of a found scalar. */
export function scalarValue(found: FoundScalar): JsonScalar {
  return typeof found === 'object' && found !== null ? found.text : found;
}

/** The short texts of a field. */
export interface KnownTexts {
  /** All of them, while they are few. They are tried one by one. */
  few: readonly KnownText[];
  /** Whether there were more. */
  areMany: boolean;
  /** Some of them, by a hash of their bytes. */
  readonly byHash: (KnownText | undefined)[];
}

/**
 * How many texts are remembered, a power of two, and the longest of them in bytes: group-by fields have few, short
 * values.
 */
const rememberedTexts = 1024;
const longestRemembered = 48;

/** Most texts that are few. */
const fewTexts = 4;

/** A memory of texts in which nothing is remembered yet. */
export function noKnownTexts(): KnownTexts {
  return { few: [], areMany: false, byHash: new Array(rememberedTexts).fill(undefined) };
}

/**
 * Reads scalars of JSON from bytes. It gives exactly the value of `JSON.parse`, or undefined: escapes, text beyond
 * ASCII, exponents and long numbers are left to `JSON.parse`. Nothing at or beyond `to` is read.
 */
export interface ScalarReader {
  /** The view of bytes, from which all else is read: kept for the next call with the same bytes. */
  view(bytes: Uint8Array): DataView;
  /** The scalar that starts at `at`. Of a number that goes on with `e`, it gives the part before. */
  scalar(view: DataView, at: number, to: number, texts: KnownTexts): FoundScalar | undefined;
  /** Passes a text over; false when none starts at `at` that could be read. */
  passText(view: DataView, at: number, to: number): boolean;
  /** The position behind the last scalar that was read. */
  end(): number;
}

/**
 * Most digits of a number that is read here. Below 10^15 and with up to 15 decimals, one division of two exact doubles
 * rounds as JSON.parse does.
 */
const mostDigits = 15;
const powersOfTen = Array.from({ length: mostDigits + 1 }, (_, i) => 10 ** i);

const QUOTE = 34;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const BACKSLASH = 92;

/** By byte: 1 for the bytes that stand in a text for themselves. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 32 && byte <= 127 && byte !== QUOTE && byte !== BACKSLASH),
);

const literals = ([true, false, null] as const).map((value) => ({
  value,
  pattern: bytePattern(Uint8Array.from(String(value), (letter) => letter.charCodeAt(0))),
}));

/** A reader of scalars. */
export function createScalarReader(asciiText: AsciiText): ScalarReader {
  let end = 0;
  let held: Uint8Array = new Uint8Array();
  let heldView = viewOf(held);

  /** The number of the digits from `at` on, behind those of another number. Moves the end behind them. */
  function digits(view: DataView, at: number, to: number, before: number): number {
    let position = at;
    let sum = before;
    for (; position + 4 <= to; position += 4) {
      const word = view.getInt32(position, true);
      if ((word & 0xf0f0f0f0) !== 0x30303030 || ((word + 0x06060606) & 0xf0f0f0f0) !== 0x30303030) break;
      // Four digits, one a byte, the first one lowest: two of them in a byte, then all.
      const four = word & 0x0f0f0f0f;
      const pairs = Math.imul(four, 10) + (four >>> 8);
      sum = sum * 10_000 + (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff);
    }
    for (; position < to; position++) {
      const byte = view.getUint8(position);
      if (byte < ZERO || byte > NINE) break;
      sum = sum * 10 + (byte - ZERO);
    }
    end = position;
    return sum;
  }

  function number(view: DataView, at: number, to: number): number | undefined {
    const isNegative = view.getUint8(at) === MINUS;
    const whole = isNegative ? at + 1 : at;
    let value = digits(view, whole, to, 0);
    let count = end - whole;
    if (count === 0 || count > mostDigits || (count > 1 && view.getUint8(whole) === ZERO)) return undefined;
    if (end < to && view.getUint8(end) === POINT) {
      const fraction = end + 1;
      value = digits(view, fraction, to, value);
      const decimals = end - fraction;
      count += decimals;
      if (decimals === 0 || count > mostDigits) return undefined;
      value /= powersOfTen[decimals] as number;
    }
    return isNegative ? -value : value;
  }

  function passText(view: DataView, at: number, to: number): boolean {
    if (at >= to || view.getUint8(at) !== QUOTE) return false;
    let position = at + 1;
    while (position < to && isPlain[view.getUint8(position)] === 1) position++;
    end = position + 1;
    return position < to && view.getUint8(position) === QUOTE;
  }

  /**
   * The text whose closing quote stands before `end`: the same object for equal texts. It needs no allocation, and the
   * maps that its string is looked up in know the hash already.
   */
  function remembered(view: DataView, from: number, texts: KnownTexts): KnownText {
    const to = end - 1;
    if (to - from > longestRemembered) return known(asciiText(held, from, to));
    let hash = to - from;
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + view.getUint8(at)) | 0;
    const slot = (hash ^ (hash >>> 15)) & (rememberedTexts - 1);
    const before = texts.byHash[slot];
    if (before !== undefined && before.text.length === to - from && matches(before.quoted, view, from, end))
      return before;
    const added = known(asciiText(held, from, to));
    texts.areMany ||= texts.few.length === fewTexts;
    texts.few = texts.areMany ? [] : [...texts.few, added];
    texts.byHash[slot] = added;
    return added;
  }

  function textAt(view: DataView, at: number, to: number, texts: KnownTexts): KnownText | undefined {
    const { few } = texts;
    for (let i = 0; i < few.length; i++) {
      const text = few[i];
      if (text === undefined || !matches(text.quoted, view, at + 1, to)) continue;
      end = at + 1 + text.quoted.bytes.length;
      return text;
    }
    return passText(view, at, to) ? remembered(view, at + 1, texts) : undefined;
  }

  function literal(view: DataView, at: number, to: number): boolean | null | undefined {
    const found = literals.find(({ pattern }) => matches(pattern, view, at, to));
    if (found === undefined) return undefined;
    end = at + found.pattern.bytes.length;
    return found.value;
  }

  return {
    view(bytes) {
      if (bytes !== held) {
        held = bytes;
        heldView = viewOf(bytes);
      }
      return heldView;
    },
    end: () => end,
    passText,
    scalar(view, at, to, texts) {
      if (at >= to) return undefined;
      const first = view.getUint8(at);
      if (first === QUOTE) return textAt(view, at, to, texts);
      return first <= NINE ? number(view, at, to) : literal(view, at, to);
    },
  };
}

function known(text: string): KnownText {
  const quoted = bytePattern(Uint8Array.from(`${text}"`, (letter) => letter.charCodeAt(0)));
  return { text, quoted, isAccepted: undefined, uses: [] };
}
