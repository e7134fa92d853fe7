import { exactNumber } from './exact-number.ts';

/** The beginning of a line that the reader of CSV puts in place of a row that is not an event: the fault follows. */
export const csvFault = 'CSV: ';

/**
 * The value that an event's text holds. It is the value of `JSON.parse`, with two exceptions. A number that a double
 * does not keep is text ({@link exactNumber}). `{"$numberDouble":"NaN"}` is NaN, and the infinities likewise, which
 * JSON cannot write (MongoDB Extended JSON; the rows of Parquet are passed on in this form).
 * @throws SyntaxError as `JSON.parse`
 */
export function parseEvent(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  const exact = hasInexactNumber(text) ? quoted(text) : text;
  if (exact === text && !text.includes(nonFiniteName)) return parsed;
  return JSON.parse(exact, (_, value: unknown) => nonFinite(value) ?? value);
}

/** The form in an event's text of a double that JSON has no number for. */
export function nonFiniteJson(double: 'NaN' | 'Infinity' | '-Infinity'): string {
  return `{"${nonFiniteName}":"${double}"}`;
}

const nonFiniteName = '$numberDouble';
const nonFiniteDoubles: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function nonFinite(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, nonFiniteName)) return undefined;
  const name: unknown = Reflect.get(value, nonFiniteName);
  if (typeof name !== 'string' || !Object.hasOwn(nonFiniteDoubles, name)) return undefined;
  return Object.keys(value).length === 1 ? nonFiniteDoubles[name] : undefined;
}

/**
 * Least length of a run of digits, with or without a point, that a double may not keep. Every double keeps shorter
 * ones.
 */
const longRun = 16;

/** A number from the middle of a text on. */
const numberHere = /[\d.]+(?:[eE][+-]?\d+)?/y;

/**
 * Whether the text may hold a number that a double does not keep. It may also be inside the text of a value; {@link
 * quoted} tells. A run of n digits has a character at a multiple of n, so the others are not read.
 */
function hasInexactNumber(text: string): boolean {
  for (let at = longRun - 1; at < text.length; at += longRun) {
    if (!isDigitOrPoint(text.charCodeAt(at))) continue;
    let from = at;
    while (from > 0 && isDigitOrPoint(text.charCodeAt(from - 1))) from--;
    let to = at + 1;
    while (to < text.length && isDigitOrPoint(text.charCodeAt(to))) to++;
    if (to - from < longRun) continue;
    numberHere.lastIndex = from;
    const [number = ''] = numberHere.exec(text) ?? [];
    if (typeof exactNumber(number) === 'string') return true;
  }
  return false;
}

function isDigitOrPoint(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46;
}

/** The texts and the long numbers of JSON. A text is matched whole, so numbers within it are skipped. */
const textOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.]{15,}(?:[eE][+-]?\d+)?/g;

/** Valid JSON with quotes around the numbers that a double does not keep. */
function quoted(text: string): string {
  return text.replace(textOrNumber, (token) => {
    if (token.startsWith('"')) return token;
    const value = exactNumber(token);
    return typeof value === 'string' ? `"${value}"` : token;
  });
}
