import { exactNumber } from './exact-number.ts';

/**
 * What the text of an event holds: what `JSON.parse` makes of it, but with text for the numbers that a double does not
 * keep ({@link exactNumber}), and with NaN and the infinities, which JSON cannot write, for `{"$numberDouble":"NaN"}`
 * (MongoDB Extended JSON; the rows of Parquet are passed on so).
 * @throws SyntaxError as `JSON.parse`
 */
export function parseEvent(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  const exact = hasInexactNumber(text) ? quoted(text) : text;
  if (exact === text && !text.includes(nonFiniteName)) return parsed;
  return JSON.parse(exact, (_, value: unknown) => nonFinite(value) ?? value);
}

/** A double that JSON has no number for, as an event's text holds it. */
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

/** Fewer digits than so many in a row, with a point among them perhaps, are a number that every double keeps. */
const longRun = 16;

/** A number from the middle of a text on. */
const numberHere = /[\d.]+(?:[eE][+-]?\d+)?/y;

/**
 * Whether a number is in the text that a double does not keep; in the text of a value perhaps, which is for {@link
 * quoted} to tell. A run of n digits has a character at a multiple of n: the others are not read.
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

/** The texts and the long numbers of JSON: what looks like a number within a text is skipped with it. */
const textOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.]{15,}(?:[eE][+-]?\d+)?/g;

/** Valid JSON with quotes around the numbers that a double does not keep. */
function quoted(text: string): string {
  return text.replace(textOrNumber, (token) => {
    if (token.startsWith('"')) return token;
    const value = exactNumber(token);
    return typeof value === 'string' ? `"${value}"` : token;
  });
}
