import { isUtf8 } from 'node:buffer';
import { parseEvent } from './core/event-json.ts';
import { createJsonShapes } from './core/json-shapes.ts';
import { type Rejection, rejection } from './core/read-event.ts';
import type { RawEvent } from './state/chunk.ts';

const LINE_FEED = 10;

/** Where small events are decoded, one after the other: a buffer for each takes longer than reading what is in it. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/** The shapes of the events so far: most are then read straight from their bytes. What is read does not depend on what is remembered here. */
const shapes = createJsonShapes((_scratch, from, to) => scratch.toString('latin1', from, to));

/**
 * One event as its stream holds it.
 * @param data its bytes in Base64; they are decoded again in the rare case that somebody asks for them
 */
export function rawEvent(data: string, subRecord: number): RawEvent {
  const bytes = () => Buffer.from(data, 'base64');
  if (data.length > scratch.length) return { text: textOf(bytes()), subRecord, bytes };
  const to = scratch.write(data, 'base64');
  const known = shapes.read(scratch, 0, to);
  if (known !== undefined && isEnd(shapes.end(), to)) return { parsed: known, subRecord, bytes };
  const text = textOf(scratch.subarray(0, to));
  if (typeof text !== 'string') return { text, subRecord, bytes };
  try {
    const parsed: unknown = parseEvent(text);
    shapes.learn(scratch, 0, to);
    return { parsed, subRecord, bytes };
  } catch {
    // Whoever reads the text will find out what is wrong with it.
    return { text, subRecord, bytes };
  }
}

/** Many producers end each event as a line. */
function isEnd(at: number, to: number): boolean {
  return at === to || (at === to - 1 && scratch[at] === LINE_FEED);
}

/** Bytes that are no UTF-8 decode to replacement characters: only then is it worth looking whether they were there to begin with. */
function textOf(bytes: Buffer): string | Rejection {
  const text = bytes.toString('utf8');
  return !text.includes('\uFFFD') || isUtf8(bytes) ? text : rejection('encoding', 'not UTF-8');
}
