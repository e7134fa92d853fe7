import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../cli/program/package-root.ts';
import { printedCounters } from '../fixtures/system/printed-counters.ts';

/** The output of a run of `tidemark ... --json`, and its duration from start to end. */
export interface CommandRun {
  readonly rows: readonly {
    readonly start: number;
    readonly key: { readonly action: string };
    readonly values: { readonly count: number };
  }[];
  /** By its own clock. */
  readonly seconds: number;
  readonly writeUnits: number | undefined;
  readonly wallSeconds: number;
}

const endWithParent = pathToFileURL(path.join(packageRoot, 'test', 'bench', 'end-with-parent.mjs')).href;

/** Runs a command as a user does, in a process of its own. @throws when it fails */
export async function tidemark(args: readonly string[]): Promise<CommandRun> {
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', endWithParent, path.join(packageRoot, 'cli', 'tidemark.mjs'), ...args, '--json'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-20_000);
  });
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) output += chunk;
  const code = await ended;
  const wallSeconds = (performance.now() - startedMs) / 1000;
  if (code !== 0)
    throw new Error(`tidemark ${args[0]} ended with exit code ${code}: ${errors.trim().split('\n').at(-1)}`);
  const lines = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { seconds, writeUnits } = printedCounters(errors);
  return { rows: lines, seconds, writeUnits, wallSeconds };
}
