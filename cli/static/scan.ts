import { readSync } from 'node:fs';
import { afterByteOrderMark } from '../../functions/formats/encoding.ts';
import { recordLimitBytes } from '../../functions/formats/lines.ts';

/**
 * The handler of a file's lines. It works synchronously, because they lie in a buffer that is used again. Line numbers
 * start at 1, at the piece's start.
 */
export interface LineHandler {
  /**
   * May handle the line at `from` before its end has been looked for.
   * @returns the place of its `\n`, or -1 to have it handled by {@link LineHandler.line}
   */
  quick(bytes: Buffer, from: number, to: number, number: number): number;
  /** A line without its end and a byte order mark; blank ones are left out. */
  line(bytes: Buffer, from: number, to: number, number: number): void;
  /** A line that is too long for a Kinesis record; nothing of it is held. */
  tooLong(number: number): void;
}

/** A read buffer, kept from piece to piece; it grows for lines longer than itself. */
export interface ReadBuffer {
  bytes: Buffer;
}

/** A buffer that fits a core's cache: bytes that were read are parsed while they are still there. */
export function createReadBuffer(bytes = 256 * 1024): ReadBuffer {
  return { bytes: Buffer.allocUnsafe(bytes) };
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** The part of a file that is read. `seekable` is false for pipes, which are read as they come. */
export interface Extent {
  readonly from: number;
  readonly to: number;
  readonly seekable: boolean;
}

/**
 * Gives the handler all lines that start in the extent, however far the last one goes on. So extents that lie side by
 * side give each line once. Lines end at `\n` or `\r\n`; the last one may lack its end.
 * @returns the number of lines, blank ones included
 */
export function scanLines(fd: number, extent: Extent, buffer: ReadBuffer, handler: LineHandler): number {
  const scan = createScan(extent, buffer, handler);
  while (scan.wantsMore()) {
    const { bytes } = buffer;
    scan.filled(readMore(fd, bytes, scan.at(), scan.position(), extent));
  }
  return scan.lines();
}

/**
 * {@link scanLines} for bytes that come in pieces and are not in a file, such as those of a compressed file.
 * @returns the number of lines, blank ones included
 */
export async function scanChunks(
  chunks: AsyncIterable<Buffer>,
  buffer: ReadBuffer,
  handler: LineHandler,
): Promise<number> {
  const scan = createScan({ from: 0, to: Number.POSITIVE_INFINITY }, buffer, handler);
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      const copied = chunk.copy(buffer.bytes, scan.at(), taken);
      taken += copied;
      scan.filled(copied);
    }
  }
  if (scan.wantsMore()) scan.filled(0);
  return scan.lines();
}

/** Cuts lines out of a buffer that somebody else fills. */
interface Scan {
  /** False once all lines that start in the extent were handled. */
  wantsMore(): boolean;
  /** The places for the next bytes: `at` in the buffer, where there is always room, and `position` in the file. */
  at(): number;
  position(): number;
  /** Tells the number of bytes that were put there; 0: the input has ended. */
  filled(count: number): void;
  lines(): number;
}

function createScan(extent: Pick<Extent, 'from' | 'to'>, buffer: ReadBuffer, handler: LineHandler): Scan {
  // Reading starts one byte earlier, to see whether a line starts right at the extent's start.
  let base = extent.from === 0 ? 0 : extent.from - 1;
  let skipping = extent.from > 0;
  let filled = 0;
  let lines = 0;
  let ended = false;

  /**
   * Handles the lines from a position on whose ends are in the buffer.
   * @returns the start of the first line whose end is not
   */
  function handle(start: number): number {
    const { bytes } = buffer;
    let from = start;
    while (from < filled && base + from < extent.to) {
      let end = handler.quick(bytes, from, filled, lines + 1);
      if (end < 0) {
        end = lineEnd(bytes, from, filled);
        if (end < 0 && !ended) break;
        if (end < 0) end = filled;
        wholeLine(bytes, from, end, lines + 1, handler);
      }
      lines++;
      from = Math.min(end + 1, filled);
    }
    return from;
  }

  function makeRoom(): void {
    if (filled < buffer.bytes.length) return;
    if (filled > recordLimitBytes + 1) {
      handler.tooLong(++lines);
      skipping = true;
      base += filled;
      filled = 0;
    } else {
      const { bytes } = buffer;
      buffer.bytes = Buffer.allocUnsafe(bytes.length * 2);
      bytes.copy(buffer.bytes);
    }
  }

  return {
    // The rest of a line that began before the extent, and goes on beyond it, is of no use.
    wantsMore: () => !ended && base < extent.to,
    at: () => filled,
    position: () => base + filled,
    filled(count) {
      ended = count === 0;
      filled += count;
      let from = 0;
      if (skipping) {
        const end = lineEnd(buffer.bytes, 0, filled);
        from = end < 0 ? filled : end + 1;
        skipping = end < 0;
      }
      from = handle(from);
      if (from > 0) buffer.bytes.copyWithin(0, from, filled);
      base += from;
      filled -= from;
      makeRoom();
    },
    lines: () => lines,
  };
}

/** Reads up to the extent's end, and beyond it only as much as its last line needs. */
function readMore(fd: number, bytes: Buffer, filled: number, position: number, { to, seekable }: Extent): number {
  const space = bytes.length - filled;
  const wanted = position < to ? Math.min(space, to - position) : Math.min(space, 4096);
  return readSync(fd, bytes, filled, wanted, seekable ? position : null);
}

function lineEnd(bytes: Buffer, from: number, filled: number): number {
  const end = bytes.indexOf(LINE_FEED, from);
  return end < filled ? end : -1;
}

function wholeLine(bytes: Buffer, start: number, end: number, number: number, handler: LineHandler): void {
  const to = end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
  const from = afterByteOrderMark(bytes, start, to);
  if (to - from > recordLimitBytes) handler.tooLong(number);
  else if (!isBlank(bytes, from, to)) handler.line(bytes, from, to, number);
}

function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 32 && bytes[at] !== 9) return false;
  return true;
}
