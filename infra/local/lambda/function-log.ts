import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';

/** The log of one function. */
export interface FunctionLog {
  write(text: string): void;
  /** The newest text, at most {@link keptCharacters}. */
  recent(): string;
  close(): Promise<void>;
}

/** The characters of a log that are kept in memory. */
const keptCharacters = 256 * 1024;
/** A log file larger than this is set aside as `NAME.log.1` at the next start. */
const mostFileBytes = 16 * 1024 * 1024;

/**
 * Keeps the newest text in memory and, with a folder, all of it in `NAME.log`. A disk that cannot take the text stops
 * nothing.
 */
export function createFunctionLog(name: string, folder: string | undefined): FunctionLog {
  const file = folder === undefined ? undefined : openLog(join(folder, `${name}.log`));
  let chunks: string[] = [];
  let characters = 0;
  return {
    write(text) {
      file?.write(text);
      chunks.push(text);
      characters += text.length;
      if (characters > 2 * keptCharacters) {
        chunks = [chunks.join('').slice(-keptCharacters)];
        characters = keptCharacters;
      }
    },
    recent: () => chunks.join('').slice(-keptCharacters),
    close: () => new Promise((resolve) => (file === undefined ? resolve() : file.end(() => resolve()))),
  };
}

function openLog(path: string): WriteStream {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > mostFileBytes) renameSync(path, `${path}.1`);
  const stream = createWriteStream(path, { flags: 'a' });
  stream.on('error', () => undefined);
  return stream;
}
