import { isUtf8 } from 'node:buffer';
import { createJsonShapes } from '../../functions/core/events/json-shapes.ts';
import type { AcceptedEvent, Rejection, RejectReason } from '../../functions/core/fold/read-event.ts';
import { recordLimitBytes } from '../../functions/formats/lines.ts';
import type { LineHandler } from './scan.ts';

/** The receiver of the events that are found in lines. `number` is the line's. */
export interface EventSink {
  parsed(event: unknown, number: number): AcceptedEvent | Rejection;
  text(text: string, number: number): AcceptedEvent | Rejection;
  /** Counts events from their bytes, where that can be done; the others are parsed. */
  readonly scanned?: EventScan | undefined;
  /**
   * A line that is not text, or too long to be an event.
   * @param text as far as it can be read; undefined where it is not held
   */
  unreadable(reason: RejectReason, detail: string, number: number, text?: string): void;
}

/** The events that are counted from their bytes. See `ScannedRun`. */
export interface EventScan {
  read(bytes: Uint8Array, from: number, to: number): number;
  /** Counts the event that was read; false when it did not. */
  count(): boolean;
  learn(bytes: Uint8Array, from: number, to: number): void;
}

/** Turns lines into events: most of them straight from their bytes, by the shapes of the lines before. */
export function eventLines(sink: EventSink): LineHandler {
  const shapes = createJsonShapes(asciiText);
  const { scanned } = sink;
  return {
    quick(bytes, from, to, number) {
      const read = scanned === undefined ? -1 : scanned.read(bytes, from, to);
      if (read >= 0 && scanned !== undefined) {
        const end = lineEnd(bytes, from, read, to);
        return end >= 0 && scanned.count() ? end : -1;
      }
      const event = shapes.read(bytes, from, to);
      if (event === undefined) return -1;
      const end = lineEnd(bytes, from, shapes.end(), to);
      if (end >= 0) sink.parsed(event, number);
      return end;
    },
    line(bytes, from, to, number) {
      const decoded = text(bytes, 'utf8', from, to);
      // Decoding puts U+FFFD in place of bytes that are not UTF-8. The character may also stand there by right.
      if (decoded.includes('\ufffd') && !isUtf8(bytes.subarray(from, to))) {
        sink.unreadable('encoding', 'not UTF-8', number, decoded);
        return;
      }
      if (sink.text(decoded, number).outcome !== 'accepted') return;
      scanned?.learn(bytes, from, to);
      shapes.learn(bytes, from, to);
    },
    tooLong(number) {
      sink.unreadable('unparsable', `more than ${recordLimitBytes} bytes, the most a Kinesis record holds`, number);
    },
  };
}

/** The position of the `\n` right behind an event; -1 when something else is there, or the line is too long. */
function lineEnd(bytes: Buffer, from: number, at: number, to: number): number {
  const end = at < to && bytes[at] === 13 ? at + 1 : at;
  return end < to && bytes[end] === 10 && end - from <= recordLimitBytes ? end : -1;
}

/** Decodes bytes below 128. */
export function asciiText(bytes: Uint8Array, from: number, to: number): string {
  return text(bytes, 'latin1', from, to);
}

function text(bytes: Uint8Array, encoding: 'latin1' | 'utf8', from: number, to: number): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString(encoding, from, to);
}
