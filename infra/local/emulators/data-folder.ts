import { accessSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDiskFull, LocalError, messageOf, systemCode } from '../account/local-error.ts';
import { openStreams, type Streams } from './kinesis/streams.ts';
import { databaseDamage } from './leveldb-files.ts';

/** The paths in a data folder. */
export interface DataFolder {
  readonly kinesis: string;
  readonly dynamodb: string;
  readonly logs: string;
  readonly checkpoints: string;
  /** The file with the id of the process that took the folder last. */
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
 * Makes the folder and tries a write, so that a folder that cannot be used is reported at the start, in one clear line.
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
    if (isDiskFull(error))
      throw new LocalError(
        'diskFull',
        `data folder ${path}: no space left on the device: free some or choose another folder`,
      );
    throw new LocalError(
      'dataFolder',
      `data folder ${path}: cannot be written (${messageOf(error)}): choose another folder`,
    );
  }
  return folder;
}

interface LevelDatabase {
  open(): Promise<void>;
  close(): Promise<void>;
  keys(options: object): { nextv(most: number): Promise<readonly unknown[]>; close(): Promise<void> };
}
type LevelConstructor = new (path: string, options: object) => LevelDatabase;

/** The extent of an inspection: `quick` for a database that this same system had open a moment ago. */
export type Inspection = 'whole' | 'quick';

/** The number of keys that are read at a time. */
const keysAtOnce = 5_000;

/** The longest time (ms) until the children of a killed process end. They end at once, but a machine may be busy. */
const orphansEndWithinMs = 10_000;
const lookAgainAfterMs = 20;

/**
 * Takes the folder for this system, and looks for damage. LevelDB holds a lock of the operating system on the tables as
 * long as its process lives, so no lock file can be left behind. It stands for the whole folder. The lock is taken here
 * first, so that one clear line replaces a crash of dynalite. A lock that outlives the process that took the folder is
 * held by that process's children. They are about to end, so their end is awaited for a bounded time. Damage is looked
 * for before anything is opened, because opening repairs a database by leaving data out. Then the whole database is
 * read (100 MB take about a second).
 * @param leader the process that the emulators belong to; its id is noted in the folder, for the next one
 * @throws LocalError `dataFolderInUse` or `dataFolder`
 */
export async function takeDataFolder(
  path: string,
  folder: DataFolder,
  leader: number,
  inspection: Inspection = 'whole',
): Promise<void> {
  const deadlineMs = performance.now() + orphansEndWithinMs;
  const damage = databaseDamage(folder.dynamodb);
  if (damage !== undefined) throw cannotBeOpened(folder.dynamodb, damage);
  // LevelDB changes its files when it opens them, and a folder that is refused has to stay as it is.
  if (inspection === 'whole') keptStreams(folder);
  while ((await lockState(folder.dynamodb, inspection)) === 'locked') {
    if (isAlive(noted(folder)) || performance.now() > deadlineMs)
      throw new LocalError(
        'dataFolderInUse',
        `data folder ${path}: another tidemark uses it: stop that one or choose another folder`,
      );
    await sleep(lookAgainAfterMs);
  }
  writeFileSync(folder.leader, String(leader));
}

/**
 * The streams of a folder that was taken.
 * @throws LocalError `dataFolder` when they are damaged, or of another emulator
 */
export function keptStreams(folder: DataFolder): Streams {
  try {
    return openStreams({ folder: folder.kinesis, now: Date.now });
  } catch (error) {
    throw cannotBeOpened(folder.kinesis, messageOf(error));
  }
}

/** The id of the process that took the folder last; NaN when none is noted. */
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

async function lockState(folder: string, inspection: Inspection): Promise<'free' | 'locked'> {
  const fromHere = createRequire(import.meta.url);
  const { Level } = createRequire(fromHere.resolve('dynalite'))('level') as { readonly Level: LevelConstructor };
  const database = new Level(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  try {
    await database.open();
    if (inspection === 'whole') await readAll(database);
    return 'free';
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    if (systemCode(cause) === 'LEVEL_LOCKED') return 'locked';
    throw cannotBeOpened(folder, messageOf(cause));
  } finally {
    await database.close();
  }
}

/** @throws LevelDB's error for a block that cannot be read */
async function readAll(database: LevelDatabase): Promise<void> {
  const keys = database.keys({ fillCache: false, highWaterMarkBytes: 1024 * 1024 });
  try {
    while ((await keys.nextv(keysAtOnce)).length > 0);
  } finally {
    await keys.close();
  }
}

function cannotBeOpened(folder: string, found: string): LocalError {
  return new LocalError(
    'dataFolder',
    `database ${folder}: ${found}: restore the folder from a copy, or begin with another data folder`,
  );
}
