import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { until } from '../fixtures/local/start.ts';
import { command, type Ended, launch, type Running } from '../fixtures/system/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-command-line-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const events = join(folder, 'events.json');
writeFileSync(events, '{"time":1469501107,"action":"Open"}\n');

/** Expects one line on stderr, without a stack, that names the problem, and nothing on stdout, which is for data. */
function expectOneLine({ stderr, stdout }: Ended, named: string): void {
  expect(stderr).toMatch(/^tidemark: [^\n]+\n$/);
  expect(stderr).toContain(named);
  expect(stderr).not.toMatch(/ {4}at /);
  expect(stdout).toBe('');
}

describe('--help', () => {
  it.each(commands.map(({ name }) => name))('of %s shows how it is used, every option and examples', async (name) => {
    const { code, stdout, stderr } = await command([name, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: tidemark ${name}`);
    expect(stdout).toMatch(new RegExp(`Examples:\\n[^]*tidemark ${name} `));
  });
});

describe('a command without credentials', () => {
  const clean = { PATH: process.env['PATH'], HOME: folder };

  it.each<readonly [name: string, env: NodeJS.ProcessEnv, named: string]>([
    ['no region', clean, 'AWS_REGION'],
    // The command asks for instance metadata in vain, and for a bounded time. Here nothing listens at that address.
    [
      'no keys',
      { ...clean, AWS_REGION: 'eu-central-1', AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' },
      'AWS_PROFILE',
    ],
    ['a profile that is not there', { ...clean, AWS_REGION: 'eu-central-1', AWS_PROFILE: 'nobody' }, 'AWS_PROFILE'],
  ])('says so in one line, without asking the network: %s', async (_name, env, named) => {
    const ended = await launch(['drain', '--pipeline', 'device-actions'], env).ended;
    expectOneLine(ended, named);
    expect(ended.code).toBe(1);
  });
});

describe('up', () => {
  let up: Running;
  let line: string;
  let port: string;

  beforeAll(async () => {
    up = launch(['up', '--port', '0', '--shards', '1', '--finalize-every', '3600']);
    line = await up.firstLine();
    port = /:(\d+)/.exec(line)?.[1] ?? '';
  });
  afterAll(() => up.child.kill('SIGKILL'));

  it('prints where it is, and the other commands find it there', async () => {
    expect(line).toMatch(/http:\/\/127\.0\.0\.1:\d+/);
    expect(
      await command(['put', '--port', port, '--json'], '{"time":1469501107,"action":"Open"}\n\nnonsense\n'),
    ).toMatchObject({ code: 0 });
    expect(await command(['drain', '--port', port])).toMatchObject({ code: 0 });
    const windows = await command(['windows', '--port', port, '--json']);
    expect(JSON.parse(windows.stdout)).toMatchObject({
      start: 1_469_498_400_000,
      key: { action: 'Open' },
      values: { count: 1 },
      status: 'final',
    });
    expect(JSON.parse((await command(['totals', '--port', port, '--by', '', '--json'])).stdout)).toMatchObject({
      key: {},
      values: { count: 1 },
    });
    const status = await command(['status', '--port', port, '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({
      conservation: { received: 2, counted: 1, rejected: 1, holds: true },
    });
  });

  it.each<readonly [name: string, words: readonly string[], named: string, code: 1 | 2]>([
    ['its port is in use', ['up', '--port', 'PORT'], 'PORT', 1],
    ['there is no such stream (put)', ['put', '--port', 'PORT', '--stream', 'nobody'], 'nobody', 1],
    [
      'there is no such stream (replay)',
      ['replay', events, '--port', 'PORT', '--stream', 'nobody', '--resume'],
      'nobody',
      1,
    ],
    ['the port serves another pipeline', ['drain', '--port', 'PORT', '--pipeline', 'earthquakes'], 'device-actions', 2],
    ['there is no such query', ['windows', '--port', 'PORT', '--query', 'nobody'], 'nobody', 2],
    ['there is no such field', ['totals', '--port', 'PORT', '--by', 'color'], 'color', 2],
    ['a time is none', ['windows', '--port', 'PORT', '--from', 'noon'], 'noon', 1],
    ['a status is unknown', ['windows', '--port', 'PORT', '--status', 'shut'], 'shut', 1],
  ])('says in one line: %s', async (_name, words, named, code) => {
    const here = (text: string) => text.replace('PORT', port);
    const ended = await command(words.map(here), '{"time":1469501107,"action":"Open"}\n');
    expectOneLine(ended, here(named));
    expect(ended.code).toBe(code);
  });

  it('ends with Ctrl-C and 130, and nothing of it is left', async () => {
    const pids = childrenOf(up.child.pid ?? 0);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    up.child.kill('SIGINT');
    const ended = await up.ended;
    expect(ended).toMatchObject({ code: 130, stderr: '' });
    expect(ended.stdout).toBe(`${line}\n`);
    // esbuild's own process learns of the end by its closed input, an instant later.
    await until(() => !pids.some(isAlive));
  });
});

function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' });
  return stdout
    .trim()
    .split('\n')
    .map((text) => text.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}

/** Whether a process runs. A process that has ended and that nobody has collected yet does not. */
function isAlive(pid: number): boolean {
  return /^[^Z]/.test(spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout);
}
