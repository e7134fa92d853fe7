import { createProgress, megabytesText } from '../print/progress.ts';
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
  const total = options.files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const progress = createProgress({ label, total, afterMs: progressAfterMs }, process);
  try {
    return await runStatic({
      ...options,
      signal: process.signal,
      onProgress: (share) => progress.update(share * total, megabytesText(share * total)),
    });
  } finally {
    progress.stop(megabytesText(total));
  }
}
