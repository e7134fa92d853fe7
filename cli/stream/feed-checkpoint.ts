import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TidemarkError } from '../program/errors.ts';

/** How far a stream of files has come, kept in its data folder after each trigger. */
export interface FeedCheckpoint {
  /** The input's files by base name and size: another input would be another stream. */
  readonly files: readonly string[];
  readonly pipeline: string;
  /**
   * Whole files that are put and committed; of a watched folder, how many were at least: their names are noted before.
   */
  readonly filesDone: number;
  /**
   * The folder that is watched, absolute; which of its files are put and committed is in `consumed-files.ts`.
   * Undefined: the files above are all there is.
   */
  readonly watched?: string;
  /** Of a watched folder, by query: the last window that was printed. */
  readonly printed?: Readonly<Record<string, WindowPlace>>;
  /** Per shard, the last record of theirs. */
  readonly positions: Readonly<Record<string, string>>;
  /** When the first run began, epoch ms. */
  readonly startedAt: number;
}

/** A window of a query, epoch ms. */
export interface WindowPlace {
  readonly start: number;
  readonly end: number;
}

const nameIn = (dataDir: string) => path.join(dataDir, 'feed.json');

/** Whether a data folder holds a stream that was begun. */
export function hasCheckpoint(dataDir: string): boolean {
  return existsSync(nameIn(dataDir));
}

/** @throws TidemarkError when it is damaged: going on from the start would count everything twice */
export async function readCheckpoint(dataDir: string): Promise<FeedCheckpoint> {
  const text = await readFile(nameIn(dataDir), 'utf8');
  try {
    const checkpoint = JSON.parse(text) as FeedCheckpoint;
    if (
      Array.isArray(checkpoint.files) &&
      typeof checkpoint.filesDone === 'number' &&
      typeof checkpoint.positions === 'object'
    )
      return checkpoint;
  } catch {
    // Falls through to the one message for all kinds of damage.
  }
  throw new TidemarkError(`${nameIn(dataDir)} is damaged: remove the folder ${dataDir} and run again without --resume`);
}

/** Replaces the checkpoint at once: a reader finds the old one or the new one, whenever the process is killed. */
export async function writeCheckpoint(dataDir: string, checkpoint: FeedCheckpoint): Promise<void> {
  await writeFile(`${nameIn(dataDir)}.new`, JSON.stringify(checkpoint));
  await rename(`${nameIn(dataDir)}.new`, nameIn(dataDir));
}
