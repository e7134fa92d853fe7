import path from 'node:path';
import { packageRoot } from '../../cli/program/package-root.ts';
import { printedCounters } from '../fixtures/system/printed-counters.ts';
import { measuredProcess } from './measured-process.ts';

/** The output of a run of `tidemark ... --json`, and its duration from start to end. */
export interface CommandRun {
  readonly rows: readonly CountRow[];
  /** By its own clock. */
  readonly seconds: number;
  readonly writeUnits: number | undefined;
  readonly wallSeconds: number;
  readonly peakMB: number;
}

/** A row of the counts by hour and action. */
export interface CountRow {
  readonly start: number;
  readonly key: { readonly action: string };
  readonly values: { readonly count: number };
}

/** Runs a command as a user does, in a process of its own. @throws when it fails */
export async function tidemark(args: readonly string[]): Promise<CommandRun> {
  const { output, errors, wallSeconds, peakMB } = await measuredProcess([
    path.join(packageRoot, 'cli', 'tidemark.mjs'),
    ...args,
    '--json',
  ]);
  const { seconds, writeUnits } = printedCounters(errors);
  return { rows: rowsIn(output), seconds, writeUnits, wallSeconds, peakMB };
}

/** The rows of JSON lines. */
export function rowsIn(output: string): readonly CountRow[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
