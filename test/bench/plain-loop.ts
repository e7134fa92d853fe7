import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CommandRun } from './tidemark-command.ts';

/** The outcome of the loop. */
export interface PlainRun {
  /** By `start action`. */
  readonly counts: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly lines: number;
}

/**
 * A loop as written by hand, on one core. It has no validation, no checks and no rejects: the least code that gives the
 * answer on clean input.
 */
export async function plainLoop(files: readonly string[]): Promise<PlainRun> {
  const startedMs = performance.now();
  const counts = new Map<string, number>();
  let lines = 0;
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const event = JSON.parse(line);
      const key = `${Math.floor(event.time / 3600) * 3_600_000} ${event.action}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      lines++;
    }
  }
  return { counts, seconds: (performance.now() - startedMs) / 1000, lines };
}

/** @throws when the counts of a command differ from those of the loop */
export function compareCounts(command: string, { rows }: Pick<CommandRun, 'rows'>, { counts }: PlainRun): void {
  const ours = rows.map(({ start, key, values }) => [`${start} ${key.action}`, values.count] as const);
  if (ours.length !== counts.size || ours.some(([key, count]) => counts.get(key) !== count))
    throw new Error(`${command} and the plain loop count differently`);
}
