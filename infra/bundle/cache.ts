import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isDiskFull, LocalError, messageOf } from '../local/account/local-error.ts';
import { cacheFolder } from './cache-folder.mjs';
import { areUnchanged, type Stamp, stampOf } from './stamp.ts';

/** A bundle is removed after this time (ms) without use. Processes load their files within seconds of their start. */
const unusedMs = 24 * 60 * 60_000;

/** A bundle in the cache: its folder, and the files that it was made from. */
interface Entry {
  readonly folder: string;
  readonly inputs: readonly Stamp[];
}

/** Writes a bundle into a folder and returns the files that it was made from. */
export type Build = (outDir: string) => Promise<readonly string[]>;

/**
 * The folder of a bundle. It is built only if a file that it was made from has changed. A folder is never written
 * again, so any number of processes may share one or build at the same time. Node resolves packages from the cache: see
 * infra/bundle/cache-folder.mjs.
 * @param key tells bundles with other options or entry files apart
 * @throws LocalError `diskFull` or `cache`; the errors of `build`
 */
export async function cachedBundle(packageRoot: string, key: string, nowMs: number, build: Build): Promise<string> {
  const cache = placeOf(packageRoot);
  const name = `local-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
  const index = join(cache, `${name}.json`);
  const entry = readEntry(index);
  if (entry !== undefined && existsSync(entry.folder) && areUnchanged(entry.inputs)) {
    utimesSync(entry.folder, nowMs / 1000, nowMs / 1000);
    return entry.folder;
  }
  removeUnused(cache, nowMs);
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(cache, `${name}-`));
    const inputs = (await build(folder)).map(stampOf);
    // A file that changed during the build may have been read before or after: such a bundle is used once.
    if (inputs.every(([, , changedMs]) => changedMs < nowMs)) writeEntry(index, { folder, inputs });
    return folder;
  } catch (error) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    throw isDiskFull(error) ? fullCache(cache, error) : error;
  }
}

function placeOf(packageRoot: string): string {
  try {
    return cacheFolder(packageRoot);
  } catch (error) {
    throw isDiskFull(error) ? fullCache(packageRoot, error) : new LocalError('cache', messageOf(error));
  }
}

function fullCache(cache: string, cause: unknown): LocalError {
  return new LocalError('diskFull', `no space left for bundled programs in ${cache}: free some and start again`, {
    cause,
  });
}

/** A cache that cannot be read is not an error: the bundle is built again. */
function readEntry(index: string): Entry | undefined {
  try {
    return JSON.parse(readFileSync(index, 'utf8')) as Entry;
  } catch {
    return undefined;
  }
}

function writeEntry(index: string, entry: Entry): void {
  const temporary = `${index}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(entry));
  renameSync(temporary, index);
}

function removeUnused(cache: string, nowMs: number): void {
  for (const name of readdirSync(cache)) {
    if (!name.startsWith('local-')) continue;
    const path = join(cache, name);
    const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
    if (nowMs - usedMs > unusedMs) rmSync(path, { recursive: true, force: true });
  }
}
