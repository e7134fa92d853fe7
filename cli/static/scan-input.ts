import { closeSync, openSync } from 'node:fs';
import { inputChunks } from '../input/input-chunks.ts';
import type { InputFile } from '../input/input-file.ts';
import { type LineHandler, type ReadBuffer, scanChunks, scanLines } from './scan.ts';

/**
 * Gives a handler the lines of an input that start in `[from, to)`. It gives them at once; a packed input, which is
 * always read as a whole, gives them as they come.
 * @param onBytes hears how many more bytes of the file have been read; it may throw, to end the reading
 * @returns the number of lines, blank ones included
 * @throws TidemarkError when the file is broken: the caller throws away its counts
 */
export function scanInput(
  file: InputFile,
  { from, to }: { readonly from: number; readonly to: number },
  buffer: ReadBuffer,
  handler: LineHandler,
  onBytes: (bytes: number) => void,
): number | Promise<number> {
  if (!file.plain) return scanChunks(inputChunks(file, onBytes), buffer, handler);
  const fd = openSync(file.path, 'r');
  try {
    const lines = scanLines(fd, { from, to, seekable: true }, buffer, handler);
    onBytes(Math.min(to, file.bytes ?? from) - from);
    return lines;
  } finally {
    closeSync(fd);
  }
}
