import { existsSync } from 'node:fs';
import { appendFile, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { TidemarkError } from '../program/errors.ts';

/** A file of a watched folder as it was when it was taken. */
export interface ConsumedFile {
  /** Its name in the folder, by which it is known: a name is taken once. */
  readonly name: string;
  readonly bytes: number;
}

/**
 * The files of a watched folder that are put and committed. The list outlives the process where there is a data folder.
 * It grows by a line a file.
 */
export interface ConsumedFiles {
  get(name: string): ConsumedFile | undefined;
  readonly count: number;
  /** Notes files, on disk before it returns. */
  add(files: readonly ConsumedFile[]): Promise<void>;
}

/**
 * Reads the notes of a data folder. A line that a kill left half written is cut off. Its files are put again, except
 * for the lines that the stream holds already.
 * @param dataDir undefined: in memory only
 * @throws TidemarkError when the notes are damaged: taking a file twice would count it twice
 */
export async function openConsumedFiles(dataDir: string | undefined): Promise<ConsumedFiles> {
  const known = new Map<string, ConsumedFile>();
  const file = dataDir === undefined ? undefined : path.join(dataDir, 'consumed.ndjson');
  for (const noted of file === undefined || !existsSync(file) ? [] : await readNotes(file))
    known.set(noted.name, noted);
  return {
    get: (name) => known.get(name),
    get count() {
      return known.size;
    },
    async add(files) {
      if (file !== undefined)
        await appendFile(file, files.map((one) => `${JSON.stringify(one)}\n`).join(''), { flush: true });
      for (const one of files) known.set(one.name, one);
    },
  };
}

async function readNotes(file: string): Promise<readonly ConsumedFile[]> {
  const text = await readFile(file, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => {
      const noted = parsed(line);
      if (noted === undefined)
        throw new TidemarkError(`${file}:${i + 1} is damaged: restore it, or begin anew with another --data folder`);
      return noted;
    });
}

function parsed(line: string): ConsumedFile | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('name' in value && 'bytes' in value)) return undefined;
    const { name, bytes } = value;
    return typeof name === 'string' && typeof bytes === 'number' ? { name, bytes } : undefined;
  } catch {
    return undefined;
  }
}
