import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A left-over folder younger than this (ms) is never removed: its process may live in another container. */
const leftOverAgeMs = 10 * 60_000;

/** Where the bundles of one run of the embedded AWS live. */
export interface BuildFolder {
  readonly path: string;
  remove(): void;
}

/**
 * A new folder under `node_modules/.cache`, so that Node resolves this package's dependencies from it. Its name starts
 * with the process id: what a killed process left behind is removed by a later one.
 */
export function createBuildFolder(packageRoot: string, nowMs: number): BuildFolder {
  const cache = join(packageRoot, 'node_modules', '.cache', 'tidemark');
  mkdirSync(cache, { recursive: true });
  removeLeftOvers(cache, nowMs);
  const path = mkdtempSync(join(cache, `local-${process.pid}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function removeLeftOvers(cache: string, nowMs: number): void {
  for (const name of readdirSync(cache)) {
    const pid = /^local-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const path = join(cache, name);
    const age = nowMs - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs);
    if (age > leftOverAgeMs) rmSync(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
