import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isMissing } from '../fixtures/needs.ts';

/** The folder of the repository. */
export const root = path.resolve(import.meta.dirname, '..', '..');

/** The outcome of a command. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command. Nothing of this repository, and nothing of a person's AWS settings, reaches it. */
export function attempt(
  cwd: string,
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Outcome {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, AWS_EC2_METADATA_DISABLED: 'true', ...environment };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** As {@link attempt}. @returns what it wrote to stdout @throws Error when it fails */
export function run(
  cwd: string,
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): string {
  const { status, stdout, stderr } = attempt(cwd, command, args, environment);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** What these tests need, or a visible line that says what is missing. */
export function cannotRun(): boolean {
  const registry = spawnSync('npm', ['ping', '--silent', '--fetch-retries=0', '--fetch-timeout=10000']).status === 0;
  return isMissing(registry, 'the npm registry');
}

const npm = ['--silent', '--no-audit', '--no-fund'];

/** The tarballs of the two packages. */
export interface Tarballs {
  readonly tidemark: string;
  readonly local: string;
}

/** Packs both packages into a folder. */
export function pack(folder: string): Tarballs {
  const packed = (...args: string[]) =>
    path.join(folder, run(root, 'npm', ['pack', '--silent', '--pack-destination', folder, ...args]).trim());
  return { tidemark: packed(), local: packed('--workspace', 'tidemark-local') };
}

/** A new empty folder, in which packages are installed. */
export function emptyFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'tidemark-package-'));
}

/** Installs packages into a project of its own. */
export function install(folder: string, packages: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
  run(folder, 'npm', ['install', ...npm, ...packages]);
}

/** The packages that are installed, by their names, without the binaries of other platforms. */
export function installed(folder: string): readonly string[] {
  const listed = run(folder, 'npm', ['ls', '--all', '--parseable']).trim().split('\n').slice(1);
  return listed.map((place) => place.replace(/^.*node_modules\//, ''));
}

/** Removes a folder of {@link emptyFolder}. */
export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** A pipeline as somebody writes it in an own project, without anything of the repository. */
export const ownPipeline = `import { count, definePipeline, tumbling } from 'tidemark';
import * as z from 'zod';

export default definePipeline({
  name: 'somebody-elses',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 's' },
  watermark: { delay: '1 hour' },
  queries: { all: { groupBy: [], window: tumbling('1 hour'), aggregates: { eventsOfSomebodyElse: count() } } },
});
`;
