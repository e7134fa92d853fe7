import { open } from 'node:fs/promises';
import { afterByteOrderMark } from './encoding.ts';

/** A line of a file of JSON lines: its bytes untouched, without the line end and a byte order mark. */
export interface Line {
  readonly line: Buffer;
  /** 1-based; blank lines count. */
  readonly number: number;
}

/**
 * The output of a reader: a line, or the news that one was longer than allowed. The bytes of such a line are dropped,
 * so memory stays bounded.
 */
export type ReadLine = Line | { readonly kind: 'tooLong'; readonly number: number; readonly bytes: number };

/**
 * Kinesis's limit for the data and the partition key of a record together: 1 MiB (a stream can be set to take more;
 * ours is not).
 */
export const recordLimitBytes = 1_048_576;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const chunkBytes = 256 * 1024;

/**
 * Cuts a stream of bytes into lines at `\n` or `\r\n`, the last line with or without one. Bytes are never decoded. A
 * byte order mark in front of a line is left out. Lines of nothing but spaces and tabs are left out but counted. Gives
 * an array per chunk that was read: a line of 40 bytes is too small to be a step of an asynchronous loop.
 * @param chunks the bytes; each chunk is kept by the lines cut from it, so it must not be written to again
 * @param limitBytes a longer line is reported as `tooLong`
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer | string>,
  limitBytes = recordLimitBytes,
): AsyncGenerator<readonly ReadLine[]> {
  let number = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const take = (lines: ReadLine[], last: Buffer): void => {
    number += 1;
    const bytes = restBytes + last.length;
    if (bytes > limitBytes + 1) {
      lines.push({ kind: 'tooLong', number, bytes: last.at(-1) === carriageReturn ? bytes - 1 : bytes });
    } else {
      const joined = rest.length === 0 ? last : Buffer.concat([...rest, last]);
      const to = joined.at(-1) === carriageReturn ? joined.length - 1 : joined.length;
      // at any line: `cat` puts files behind one another with their marks
      const line = joined.subarray(afterByteOrderMark(joined, 0, to), to);
      if (line.length > limitBytes) lines.push({ kind: 'tooLong', number, bytes: line.length });
      else if (!isBlank(line)) lines.push({ line, number });
    }
    rest = [];
    restBytes = 0;
  };
  for await (const given of chunks) {
    const chunk = typeof given === 'string' ? Buffer.from(given) : given;
    const lines: ReadLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, from)) {
      take(lines, chunk.subarray(from, at));
      from = at + 1;
    }
    const tail = chunk.subarray(from);
    restBytes += tail.length;
    // beyond the limit only the length is kept
    if (restBytes > limitBytes + 1) rest = [];
    else if (tail.length > 0) rest.push(tail);
    if (lines.length > 0) yield lines;
  }
  if (restBytes > 0) {
    const lines: ReadLine[] = [];
    take(lines, Buffer.alloc(0));
    if (lines.length > 0) yield lines;
  }
}

/** The bytes of a file, in fresh chunks of 256 KB. `onBytes` hears how many were read. */
export async function* readFileChunks(
  path: string,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes);
      if (bytesRead === 0) return;
      onBytes(bytesRead);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09) return false;
  return true;
}
