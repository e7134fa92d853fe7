import { createProgress } from '../print/progress.ts';
import { formatNumber } from '../print/table.ts';
import type { CommandProcess } from '../program/command.ts';
import { runStatic, type StaticEngineOptions, type StaticResult } from './static-engine.ts';

/** The time, in ms, that a person waits without progress: it is shown only for longer runs. */
const progressAfterMs = 1000;

/** Runs the static query over files and shows its progress under a label. */
export async function runWithProgress(
  label: string,
  options: Omit<StaticEngineOptions, 'signal' | 'onProgress'>,
  process: CommandProcess,
): Promise<StaticResult> {
  const startedMs = process.now();
  const total = options.files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  let progress: ReturnType<typeof createProgress> | undefined;
  const show = async (share: number): Promise<void> => {
    if (process.now() - startedMs < progressAfterMs) return;
    progress ??= createProgress({ label, total }, process);
    (await progress).update(share * total, megabytes(share * total));
  };
  try {
    return await runStatic({ ...options, signal: process.signal, onProgress: (share) => void show(share) });
  } finally {
    (await progress)?.stop(megabytes(total));
  }
}

function megabytes(bytes: number): string {
  return `${formatNumber(Math.round(bytes / 1e6))} MB`;
}
