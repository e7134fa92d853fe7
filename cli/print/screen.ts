import { Writable } from 'node:stream';
import type { ScreenOutput } from '../program/output.ts';
import { widthOf } from './width.ts';
import { wrapped } from './wrap.ts';

/** Goes to the begin of the line and erases it. */
const erase = '\r\x1b[K';

/**
 * The two outputs of a command. On a terminal they share it with the line of status: text goes above that line. Lines
 * on stderr, which are for people, are broken between words; stdout is left as it is.
 */
export function createScreen(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
): { readonly stdout: ScreenOutput; readonly stderr: ScreenOutput } {
  if (!stderr.isTTY) return { stdout, stderr };
  let status: string | undefined;
  let isAtLineStart = true;
  const above = (target: NodeJS.WriteStream, text: string): void => {
    if (status !== undefined && isAtLineStart) stderr.write(erase);
    target.write(text);
    isAtLineStart = text.endsWith('\n');
    if (status !== undefined && isAtLineStart) stderr.write(status);
  };
  const showStatus = (line: string | undefined): void => {
    if (!isAtLineStart) return;
    if (line !== undefined || status !== undefined) stderr.write(`${erase}${line ?? ''}`);
    status = line;
  };
  return {
    stdout: stdout.isTTY ? terminal(stdout, (text) => above(stdout, text), showStatus) : stdout,
    stderr: terminal(stderr, (text) => above(stderr, wrapped(text, widthOf(stderr))), showStatus),
  };
}

function terminal(
  target: NodeJS.WriteStream,
  write: (text: string) => void,
  showStatus: (line: string | undefined) => void,
): ScreenOutput {
  const output = new Writable({
    decodeStrings: false,
    // A terminal takes text at once. To wait for it would let stderr pass stdout.
    write(chunk: string | Uint8Array, _encoding, done) {
      write(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
      done();
    },
  });
  return Object.defineProperties(output, {
    isTTY: { value: true },
    columns: { get: () => target.columns },
    rows: { get: () => target.rows },
    showStatus: { value: showStatus },
  }) as ScreenOutput;
}
