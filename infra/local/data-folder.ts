import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError, messageOf, systemCode } from './local-error.ts';

/** Where things are in a data folder. */
export interface DataFolder {
  readonly kinesis: string;
  readonly dynamodb: string;
  readonly logs: string;
  readonly checkpoints: string;
  /** The id of the process that took the folder last. */
  readonly leader: string;
}

/** The layout of a data folder. */
export function dataFolder(path: string): DataFolder {
  return {
    kinesis: join(path, 'kinesis'),
    dynamodb: join(path, 'dynamodb'),
    logs: join(path, 'log'),
    checkpoints: join(path, 'checkpoints.json'),
    leader: join(path, 'leader'),
  };
}

/**
 * Makes the folder and tries a write, so that a folder that cannot be used is one clear line at the start.
 * @throws LocalError `dataFolder` or `diskFull`
 */
export function prepareDataFolder(path: string): DataFolder {
  const folder = dataFolder(path);
  try {
    for (const part of [path, folder.kinesis, folder.dynamodb, folder.logs]) {
      mkdirSync(part, { recursive: true });
      accessSync(part, constants.W_OK);
    }
    const probe = join(path, `.probe-${process.pid}`);
    writeFileSync(probe, Buffer.alloc(4096));
    rmSync(probe);
  } catch (error) {
    if (systemCode(error) === 'ENOSPC')
      throw new LocalError('diskFull', `data folder ${path}: no space left on the device: free some or choose another folder`);
    throw new LocalError('dataFolder', `data folder ${path}: cannot be written (${messageOf(error)}): choose another folder`);
  }
  return folder;
}

interface LevelDatabase {
  open(): Promise<void>;
  close(): Promise<void>;
}
type LevelConstructor = new (path: string) => LevelDatabase;

/** Children of a process that was killed end at once, but a busy machine may take so long (ms) over it. */
const orphansEndWithinMs = 10_000;
const lookAgainAfterMs = 20;

/**
 * LevelDB holds an operating system's lock on each of its folders as long as its process lives, so no lock file can be left
 * behind. Taking it here first turns what would be a crash of the emulator into one clear line. A lock that outlives the process which
 * took the folder is held by its children, which are about to end: that is waited for, for a bounded time.
 * @param leader the process that the emulators belong to; it is noted in the folder, for the next one
 * @throws LocalError `dataFolderInUse` or `dataFolder`
 */
export async function takeDataFolder(path: string, folder: DataFolder, leader: number): Promise<void> {
  const deadlineMs = performance.now() + orphansEndWithinMs;
  while ((await lockState(path, folder)) === 'locked') {
    if (isAlive(noted(folder)) || performance.now() > deadlineMs)
      throw new LocalError('dataFolderInUse', `data folder ${path}: another tidemark uses it: stop that one or choose another folder`);
    await sleep(lookAgainAfterMs);
  }
  writeFileSync(folder.leader, String(leader));
}

/** The process that took the folder last; NaN when nobody noted it. */
function noted(folder: DataFolder): number {
  try {
    return Number.parseInt(readFileSync(folder.leader, 'utf8'), 10);
  } catch {
    return Number.NaN;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid)) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

async function lockState(path: string, folder: DataFolder): Promise<'free' | 'locked'> {
  const fromHere = createRequire(import.meta.url);
  const { Level } = createRequire(fromHere.resolve('dynalite'))('level') as { readonly Level: LevelConstructor };
  const database = new Level(folder.dynamodb);
  try {
    await database.open();
    await database.close();
    return 'free';
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    if (systemCode(cause) === 'LEVEL_LOCKED') return 'locked';
    throw new LocalError(
      'dataFolder',
      `data folder ${path}: its database cannot be opened (${messageOf(cause)}): restore it or choose another folder`,
    );
  }
}
