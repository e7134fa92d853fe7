import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TidemarkError } from '../program/errors.ts';

/** The progress of a stream of files, kept in its data folder after each trigger. */
export interface FeedCheckpoint {
  /** The input's files by base name and size: another input would be another stream. */
  readonly files: readonly string[];
  readonly pipeline: string;
  /**
   * The number of whole files that are put and committed. For a watched folder it is the least number: their names are
   * noted before.
   */
  readonly filesDone: number;
  /**
   * The absolute path of the watched folder; `consumed-files.ts` notes which of its files are put and committed.
   * Undefined: the files above are all the input.
   */
  readonly watched?: string;
  /** The last window that was printed, by query, for a watched folder. */
  readonly printed?: Readonly<Record<string, WindowPlace>>;
  /** The last record of these files, by shard. */
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
    // The one message below is for all kinds of damage.
  }
  throw new TidemarkError(`${nameIn(dataDir)} is damaged: remove the folder ${dataDir} and run again without --resume`);
}

/** Replaces the checkpoint in one step: a reader finds the old one or the new one, whenever the process is killed. */
export async function writeCheckpoint(dataDir: string, checkpoint: FeedCheckpoint): Promise<void> {
  await writeFile(`${nameIn(dataDir)}.new`, JSON.stringify(checkpoint));
  await rename(`${nameIn(dataDir)}.new`, nameIn(dataDir));
}
