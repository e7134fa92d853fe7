import { statSync } from 'node:fs';

/**
 * A file or a folder, with what changes when it is written: its size in bytes (0 for a folder), and when its content
 * and its entry changed, epoch ms. All three are -1 where nothing is.
 */
export type Stamp = readonly [path: string, size: number, contentMs: number, entryMs: number];

/** What a path is now. */
export function stampOf(path: string): Stamp {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [path, -1, -1, -1];
  return [path, stats.isDirectory() ? 0 : stats.size, stats.mtimeMs, stats.ctimeMs];
}

/** Whether all of them are as they were. */
export function areUnchanged(stamps: readonly Stamp[]): boolean {
  return stamps.every((stamp) => stampOf(stamp[0]).every((part, i) => part === stamp[i]));
}
