import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { OutputMode } from '../../functions/core/results/output-mode.ts';
import { TidemarkError, UsageError } from '../program/errors.ts';

/** The cursor of each query, by name. */
export type SavedCursors = Readonly<Record<string, string>>;

/**
 * The cursors in a file of `--cursor`; empty when there is no such file yet.
 * @throws when the file holds something else, or cursors of another output mode
 */
export function readCursors(file: string, mode: OutputMode): SavedCursors {
  if (!existsSync(file)) return {};
  const held = parsed(readFileSync(file, 'utf8'));
  if (held === undefined)
    throw new TidemarkError(`--cursor: ${file} is not a file of cursors: name a new file, which the first call makes`);
  if (held.mode !== mode)
    throw new UsageError(`--cursor: ${file} is of --mode ${held.mode}: give that mode, or name a new file`);
  return held.cursors;
}

/** Replaces the file as a whole: a process that is killed while it writes leaves the file before. */
export function writeCursors(file: string, mode: OutputMode, cursors: SavedCursors): void {
  const next = `${file}.next`;
  writeFileSync(next, `${JSON.stringify({ mode, cursors })}\n`);
  renameSync(next, file);
}

function parsed(content: string): { readonly mode: string; readonly cursors: SavedCursors } | undefined {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value !== 'object' || value === null || !('mode' in value) || !('cursors' in value)) return undefined;
    const { mode, cursors } = value;
    return typeof mode === 'string' && typeof cursors === 'object' && cursors !== null
      ? { mode, cursors: cursors as SavedCursors }
      : undefined;
  } catch {
    return undefined;
  }
}
