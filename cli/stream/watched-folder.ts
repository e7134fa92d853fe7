import { watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isUnfinished } from './unfinished-file.ts';

/** A file of a watched folder. */
export interface FoundFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** When it was written last, epoch ms. */
  readonly modifiedMs: number;
}

/** A folder that files are put into. */
export interface WatchedFolder {
  /** The files that are there, the oldest first. */
  list(): Promise<readonly FoundFile[]>;
  /**
   * Waits until something in the folder has changed since the last list, a second has passed, or the signal is aborted.
   */
  changed(signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * The pause between two looks, in ms. A look finds changes that the operating system does not tell of, as in a folder
 * over the network.
 */
const lookEveryMs = 1000;

/**
 * Watches a folder.
 * @param folder the files directly in it count, not those of folders in it
 */
export function watchFolder(folder: string): WatchedFolder {
  let wake = new AbortController();
  const watcher = watch(folder, { persistent: false }, () => wake.abort());
  watcher.on('error', () => undefined); // the next look finds a change that it does not tell
  return {
    async list() {
      wake = new AbortController();
      const names = (await readdir(folder)).filter((name) => !isUnfinished(name));
      const found = await Promise.all(names.map((name) => fileIn(folder, name)));
      return found
        .filter((file) => file !== undefined)
        .sort((left, right) => left.modifiedMs - right.modifiedMs || (left.name < right.name ? -1 : 1));
    },
    async changed(signal) {
      await delay(lookEveryMs, undefined, { signal: AbortSignal.any([signal, wake.signal]) }).catch(() => undefined);
    },
    close: () => watcher.close(),
  };
}

/**
 * A file of the folder. Undefined when it is gone meanwhile, is not a file, or is empty: a file that is just being
 * copied is empty at first.
 */
async function fileIn(folder: string, name: string): Promise<FoundFile | undefined> {
  const file = path.join(folder, name);
  const stats = await stat(file).catch(() => undefined);
  return stats?.isFile() && stats.size > 0
    ? { name, path: file, bytes: stats.size, modifiedMs: stats.mtimeMs }
    : undefined;
}
