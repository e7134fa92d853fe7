import { isUtf8 } from 'node:buffer';
import { parseEvent } from '../core/events/event-json.ts';
import { createJsonShapes } from '../core/events/json-shapes.ts';
import { type Rejection, rejection } from '../core/fold/read-event.ts';
import type { RawEvent } from '../core/fold/stream-record.ts';
import { afterByteOrderMark, looksUtf16 } from '../formats/encoding.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * The buffer in which small events are decoded, one after the other. A buffer for each would take longer than reading
 * its content.
 */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * The shapes of the events so far. Most events are then read straight from their bytes. The result does not depend on
 * the remembered shapes.
 */
const shapes = createJsonShapes((_scratch, from, to) => scratch.toString('latin1', from, to));

/**
 * The events of a record as its stream holds it: one, or one a line, as the Kinesis agent packs them. Blank lines are
 * left out.
 * @param data the record's bytes in Base64; they are decoded again in the rare case that somebody asks for them
 * @param first the position of its first event in the record
 */
export function rawEvents(data: string, first: number): readonly RawEvent[] {
  if (data.length > scratch.length) {
    const whole = Buffer.from(data, 'base64');
    return eventsOf(whole, textOf(whole), first);
  }
  const to = scratch.write(data, 'base64');
  const known = shapes.read(scratch, 0, to);
  if (known !== undefined && isEnd(shapes.end(), to)) return [new ReadEvent(known, first, data)];
  const text = textOf(scratch.subarray(0, to));
  if (typeof text !== 'string') return eventsOf(Buffer.from(data, 'base64'), text, first);
  try {
    const parsed: unknown = parseEvent(text);
    shapes.learn(scratch, 0, to);
    return [new ReadEvent(parsed, first, data)];
  } catch {
    return eventsOf(Buffer.from(data, 'base64'), text, first);
  }
}

/**
 * A whole record as one event that is read. A class, so that its function is made when it is asked for: a batch holds
 * thousands of these at once, and a function with its context takes more memory than the event.
 */
class ReadEvent {
  readonly parsed: unknown;
  readonly subRecord: number;
  private readonly data: string;

  constructor(parsed: unknown, subRecord: number, data: string) {
    this.parsed = parsed;
    this.subRecord = subRecord;
    this.data = data;
  }

  get bytes(): () => Uint8Array {
    return () => Buffer.from(this.data, 'base64');
  }
}

/**
 * The events of a record that is not of a known shape: its lines, if one of them is an event by itself. One JSON value
 * on several lines is one event. So are bytes that have line ends by chance, such as packed ones.
 */
function eventsOf(bytes: Buffer, text: string | Rejection, first: number): readonly RawEvent[] {
  const whole: RawEvent = { text, subRecord: first, bytes: () => bytes };
  const lines = bytes.includes(LINE_FEED) && !looksUtf16(bytes) ? linesOf(bytes) : [];
  const isOne = lines.length < 2 || (typeof text === 'string' && isJson(text));
  if (isOne || !lines.some(isEvent)) return [whole];
  return lines.map((line, at) => ({ text: textOf(line), subRecord: first + at, bytes: () => line }));
}

/** The lines that are not blank. */
function linesOf(bytes: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LINE_FEED, from);
    const end = found === -1 ? bytes.length : found;
    const line = bytes.subarray(from, end > from && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end);
    if (line.some((byte) => byte !== 0x20 && byte !== 0x09)) lines.push(line);
    from = end + 1;
  }
  return lines;
}

/**
 * Whether a line is an object or a list, as events are. A number alone may also be the middle of a list that was cut.
 */
function isEvent(line: Buffer): boolean {
  const text = textOf(line);
  return typeof text === 'string' && /^\s*[{[]/.test(text) && isJson(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether nothing is left but a line end: many producers end each event as a line. */
function isEnd(at: number, to: number): boolean {
  return at === to || (at === to - 1 && scratch[at] === LINE_FEED);
}

/**
 * The text of bytes; a rejection when they are not UTF-8. Such bytes decode to replacement characters. Only a text
 * with some of these is worth a look at whether they were there to begin with.
 */
function textOf(bytes: Buffer): string | Rejection {
  if (looksUtf16(bytes)) return rejection('encoding', 'UTF-16, not UTF-8');
  const text = bytes.toString('utf8', afterByteOrderMark(bytes, 0, bytes.length));
  return !text.includes('\uFFFD') || isUtf8(bytes) ? text : rejection('encoding', 'not UTF-8');
}
