import { isUtf8 } from 'node:buffer';
import { createJsonShapes } from '../../functions/core/events/json-shapes.ts';
import type { AcceptedEvent, Rejection, RejectReason } from '../../functions/core/fold/read-event.ts';
import { recordLimitBytes } from '../../functions/formats/lines.ts';
import type { LineHandler } from './scan.ts';

/** The receiver of the events that are found in lines. `number` is the line's. */
export interface EventSink {
  parsed(event: unknown, number: number): AcceptedEvent | Rejection;
  text(text: string, number: number): AcceptedEvent | Rejection;
  /**
   * A line that is not text, or too long to be an event.
   * @param text as far as it can be read; undefined where it is not held
   */
  unreadable(reason: RejectReason, detail: string, number: number, text?: string): void;
}

/** Turns lines into events: most of them straight from their bytes, by the shapes of the lines before. */
export function eventLines(sink: EventSink): LineHandler {
  const shapes = createJsonShapes((bytes, from, to) => text(bytes, 'latin1', from, to));
  return {
    quick(bytes, from, to, number) {
      const event = shapes.read(bytes, from, to);
      if (event === undefined) return -1;
      let end = shapes.end();
      if (end < to && bytes[end] === 13) end++;
      if (end >= to || bytes[end] !== 10 || end - from > recordLimitBytes) return -1;
      sink.parsed(event, number);
      return end;
    },
    line(bytes, from, to, number) {
      const decoded = text(bytes, 'utf8', from, to);
      // Decoding puts U+FFFD in place of bytes that are not UTF-8. The character may also stand there by right.
      if (decoded.includes('\ufffd') && !isUtf8(bytes.subarray(from, to))) {
        sink.unreadable('encoding', 'not UTF-8', number, decoded);
        return;
      }
      if (sink.text(decoded, number).outcome === 'accepted') shapes.learn(bytes, from, to);
    },
    tooLong(number) {
      sink.unreadable('unparsable', `more than ${recordLimitBytes} bytes, the most a Kinesis record holds`, number);
    },
  };
}

function text(bytes: Uint8Array, encoding: 'latin1' | 'utf8', from: number, to: number): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString(encoding, from, to);
}
