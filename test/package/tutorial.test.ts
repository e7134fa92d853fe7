import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { findMinistack } from '../../infra/emulators/ministack.ts';
import { isMissing } from '../fixtures/needs.ts';
import { cannotRun, emptyFolder, remove, root } from './audience.ts';
import { type Command, tutorialSteps } from './tutorial-page.ts';

const folder = emptyFolder();
symlinkSync(root, path.join(folder, 'tidemark'));

/** Where the reader is, what runs in the first terminal, and what the reader copied from there. */
let cwd = folder;
let running: ChildProcess | undefined;
let port = '';
let copied: Readonly<Record<string, string>> = {};

async function end(): Promise<void> {
  if (running === undefined || running.exitCode !== null) return;
  process.kill(-(running.pid ?? 0), 'SIGINT');
  await once(running, 'exit');
}
afterAll(async () => {
  await end();
  remove(folder);
});

const environment = () => {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, NO_COLOR: '1', AWS_EC2_METADATA_DISABLED: 'true', ...copied };
};

/** What a command printed, as the page has it: without colours, and with the clone beside the project. */
const asShown = (text: string) =>
  stripVTControlCharacters(text)
    .replaceAll(path.relative(folder, root), './tidemark')
    .replace(/ +$/gm, '')
    .replace(/\n*$/, '\n')
    .replace(/^\n$/, '');

/** Runs a command in a shell, its errors among its output, as on a screen. */
async function runToEnd(line: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const log = path.join(folder, 'output');
  const file = openSync(log, 'w');
  const child = spawn('bash', ['-c', line], { cwd, env: environment(), stdio: ['ignore', file, file] });
  await once(child, 'exit');
  closeSync(file);
  return { code: child.exitCode, output: asShown(readFileSync(log, 'utf8')) };
}

/** Starts a command in the first terminal. @returns what it printed, once that is what the page shows, or it ended */
async function start({ line, output }: Command): Promise<string> {
  await end();
  let text = '';
  const child = spawn('bash', ['-c', `exec ${line}`], { cwd, env: environment(), detached: true });
  running = child;
  return new Promise((resolve) => {
    const hear = (more: string): void => {
      text += more;
      if (output.test(asShown(text))) resolve(asShown(text));
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.on('exit', () => resolve(asShown(text)));
  });
}

/** The port of `tidemark up`: that of the page may be taken, so any free one is. */
const withPort = (line: string) => line.replace('--port 4500', `--port ${port || 0}`).replace(':4500', `:${port}`);

const isWithout = cannotRun();
const signal = new AbortController().signal;
const ministack = isWithout ? undefined : await findMinistack({ root, environment: process.env, signal });
const isWithoutPython = ministack !== undefined && isMissing('start' in ministack, 'Python 3.10 or newer, and PyPI');

describe.skipIf(isWithout)('docs/tutorial.md', () => {
  for (const step of tutorialSteps())
    it(step.kind === 'command' ? step.line : `changes ${step.file}`, async (context) => {
      if (step.kind === 'change') {
        const file = path.join(cwd, step.file);
        writeFileSync(file, step.of(readFileSync(file, 'utf8')));
        return;
      }
      if (step.needs !== undefined && isWithoutPython) context.skip();
      if (step.line.startsWith('cd ')) {
        cwd = path.resolve(cwd, step.line.slice(3));
        return;
      }
      const line = withPort(step.line);
      if (step.ends === 'never') {
        const output = await start({ ...step, line });
        expect(output).toMatch(step.output);
        port = /is up at http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1] ?? '';
        const named = (name: string) => new RegExp(`^  ${name} +(\\S+)`, 'm').exec(output)?.[1] ?? '';
        copied = { ENDPOINT: named('endpoint'), STREAM: named('stream'), API: named('query API') };
        return;
      }
      let { code, output } = await runToEnd(line);
      while (step.again && !step.output.test(output) && !context.signal.aborted)
        ({ code, output } = await runToEnd(line));
      expect(output).toMatch(step.output);
      expect(code === 0).toBe(step.ends === 'well');
    });
});
