import { isUtf8 } from 'node:buffer';
import { gunzipSync } from 'node:zlib';
import { valueText } from '../core/arguments/error.ts';
import { parseEvent } from '../core/events/event-json.ts';
import { type Rejection, rejection } from '../core/fold/read-event.ts';
import { afterByteOrderMark, looksUtf16 } from '../formats/encoding.ts';
import { Problem } from './problem.ts';

/**
 * An event of a request's body: its bytes as they will be put and the value in them, or the reason why it is not an
 * event.
 */
export type BodyEvent = { readonly data: Uint8Array; readonly parsed: unknown } | Rejection;

/** The body of a request and what its headers say of it. */
export interface EventBody {
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly bytes: Buffer;
}

/** Most events of a request. They take ten calls of PutRecords, so that a throttled stream leaves time to try again. */
export const mostEvents = 5000;
/** Most bytes of an unpacked body: the most that API Gateway takes in one piece. */
export const mostBodyBytes = 10 * 1024 * 1024;

const jsonTypes = /^application\/(?:[\w.+-]+\+)?json$/;
const lineTypes = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines|jsonlines)$/;
/** Types that say nothing of the content: curl's default, a file, text. */
const openTypes = /^(?:|text\/plain|application\/(?:octet-stream|gzip|x-gzip|x-www-form-urlencoded))$/;

/**
 * The events of a body: one JSON value, the elements of a JSON array, or the lines of NDJSON; packed with gzip or not.
 * @throws Problem when the body as a whole cannot be read
 */
export function bodyEvents(body: EventBody): readonly BodyEvent[] {
  const mediaType = (body.contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const form = jsonTypes.test(mediaType)
    ? 'json'
    : lineTypes.test(mediaType)
      ? 'lines'
      : openTypes.test(mediaType)
        ? 'either'
        : undefined;
  if (form === undefined)
    throw new Problem(
      415,
      'unsupported-media-type',
      'content-type',
      `content-type: ${valueText(body.contentType)} is not a type of events: send application/json or application/x-ndjson`,
    );
  const packedBytes = unpacked(body);
  const bytes = packedBytes.subarray(afterByteOrderMark(packedBytes, 0, packedBytes.length));
  if (looksUtf16(bytes)) throw notJson(bytes.toString('utf16le'), 'it is UTF-16, not UTF-8');
  const events = form === 'lines' ? lineEvents(bytes) : jsonEvents(bytes, form);
  if (events.length === 0)
    throw new Problem(
      400,
      'invalid-body',
      'body',
      'body: holds no event: send a JSON object, an array of them, or one on each line',
    );
  if (events.length > mostEvents)
    throw new Problem(
      413,
      'body-too-large',
      'body',
      `body: ${events.length} events are too many: send at most ${mostEvents} in a request`,
    );
  return events;
}

/** API Gateway unpacks a body that says it is packed, and leaves the header. So the bytes decide. */
function unpacked({ contentEncoding, bytes }: EventBody): Buffer {
  const encoding = (contentEncoding ?? '').trim().toLowerCase();
  if (!['', 'identity', 'gzip', 'x-gzip'].includes(encoding))
    throw new Problem(
      415,
      'unsupported-encoding',
      'content-encoding',
      `content-encoding: ${valueText(contentEncoding)} is not known: use gzip, or none`,
    );
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isGzip) return withinLimit(bytes, bytes.length);
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBodyBytes });
  } catch (error) {
    if (error instanceof RangeError) return withinLimit(bytes, Number.POSITIVE_INFINITY);
    throw new Problem(
      400,
      'invalid-body',
      'body',
      `body: ${bytes.length} bytes are not a whole gzip file: pack it again, or send it as it is`,
    );
  }
}

function withinLimit(bytes: Buffer, length: number): Buffer {
  if (length <= mostBodyBytes) return bytes;
  const told = Number.isFinite(length) ? `${length} bytes` : `unpacked, more than ${mostBodyBytes} bytes`;
  throw new Problem(
    413,
    'body-too-large',
    'body',
    `body: ${told} are too many: send at most ${mostBodyBytes} in a request`,
  );
}

function jsonEvents(bytes: Buffer, form: 'json' | 'either'): readonly BodyEvent[] {
  const text = bytes.toString('utf8');
  if (isUtf8(bytes)) {
    try {
      const parsed = parseEvent(text);
      return (Array.isArray(parsed) ? parsed : [parsed]).map(packed);
    } catch (error) {
      if (form === 'json' || !text.trim().includes('\n'))
        throw notJson(text, error instanceof Error ? error.message : 'not JSON');
    }
  } else if (form === 'json' || !bytes.includes('\n')) throw notJson(text, 'not UTF-8');
  return lineEvents(bytes);
}

function notJson(text: string, why: string): Problem {
  const remedy =
    text.trim() === ''
      ? 'holds no event'
      : `${valueText(text.slice(0, 60))} is not JSON (${why.slice(0, 80).replace(/\s+/g, ' ')})`;
  return new Problem(
    400,
    'invalid-body',
    'body',
    `body: ${remedy}: send a JSON object, an array of them, or one on each line`,
  );
}

/** One element of an array as a record of its own. */
function packed(parsed: unknown): BodyEvent {
  try {
    return { data: Buffer.from(JSON.stringify(parsed)), parsed };
  } catch {
    return rejection('unparsable', 'nested too deeply');
  }
}

function lineEvents(bytes: Buffer): readonly BodyEvent[] {
  const events: BodyEvent[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const line = bytes.subarray(from, end === -1 ? bytes.length : end);
    from += line.length + 1;
    const to = line.at(-1) === 0x0d ? line.length - 1 : line.length;
    const event = lineEvent(line.subarray(afterByteOrderMark(line, 0, to), to));
    if (event !== undefined) events.push(event);
  }
  return events;
}

/** The event on a line; undefined for a blank line. */
function lineEvent(line: Buffer): BodyEvent | undefined {
  const text = line.toString('utf8');
  if (text.trim() === '') return undefined;
  if (!isUtf8(line)) return rejection('encoding', 'not UTF-8');
  try {
    return { data: line, parsed: parseEvent(text) };
  } catch (error) {
    return rejection('unparsable', error instanceof Error ? error.message : 'not JSON');
  }
}
