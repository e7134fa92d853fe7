import { closeSync, openSync, writeSync } from 'node:fs';
import { UsageError } from '../program/errors.ts';
import type { RejectedWithText } from './static-engine.ts';

/** A file of rejected lines, one JSON object a line: `{"file","line","reason","detail","text"}`. */
export interface RejectedFile {
  readonly write: (line: RejectedWithText) => void;
  close(): void;
}

/** The number of bytes that are held until they are written. */
const heldBytes = 64 * 1024;

/**
 * Makes the file.
 * @throws UsageError when it is there already: it may be somebody's, or one of the inputs
 */
export function createRejectedFile(path: string): RejectedFile {
  const fd = opened(path);
  let held = '';
  const flush = () => {
    for (let bytes = Buffer.from(held); bytes.length > 0; ) bytes = bytes.subarray(writeSync(fd, bytes));
    held = '';
  };
  return {
    write({ path: file, line, reason, detail, text }) {
      held += `${JSON.stringify({ file, line, reason, detail, text: text ?? null })}\n`;
      if (held.length >= heldBytes) flush();
    },
    close() {
      flush();
      closeSync(fd);
    },
  };
}

function opened(path: string): number {
  try {
    return openSync(path, 'wx');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new UsageError(`--rejected ${path} exists: name a new file, or remove that one`);
  }
}
