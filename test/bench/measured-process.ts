import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../cli/program/package-root.ts';

/** A process that has ended. */
export interface ProcessRun {
  readonly output: string;
  /** The end of what it wrote to stderr. */
  readonly errors: string;
  readonly wallSeconds: number;
  /** Its greatest resident memory, in MB of a million bytes. */
  readonly peakMB: number;
}

const imports = ['end-with-parent.mjs', 'peak-memory.mjs'].flatMap((name) => [
  '--import',
  pathToFileURL(path.join(packageRoot, 'test', 'bench', name)).href,
]);

/** Runs a program of Node from start to end. @throws when it fails */
export async function measuredProcess(program: readonly string[]): Promise<ProcessRun> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...imports, ...program], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const [, stdout, stderr, told] = child.stdio;
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  let [output, errors, peak] = ['', '', ''];
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-20_000);
  });
  told?.on('data', (text: Buffer) => {
    peak += text;
  });
  const code = await ended;
  const wallSeconds = (performance.now() - startedMs) / 1000;
  if (code !== 0)
    throw new Error(`${program.join(' ').slice(0, 80)} ended with ${code}: ${errors.trim().split('\n').at(-1)}`);
  return { output, errors, wallSeconds, peakMB: (Number(peak) * 1024) / 1e6 };
}
