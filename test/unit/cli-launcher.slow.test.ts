import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { command } from '../fixtures/system/command-line.ts';

const launcher = path.resolve(import.meta.dirname, '../../cli/tidemark.mjs');
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-cli-'));

afterAll(() => rmSync(folder, { recursive: true }));

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the launcher in a process of its own, as a user in `folder` does, without any settings of AWS. */
function tidemark(
  args: readonly string[],
  options: { readonly input?: string; readonly environment?: NodeJS.ProcessEnv } = {},
): Promise<Result> {
  const environment = {
    PATH: process.env.PATH,
    HOME: folder,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...options.environment,
  };
  const child = spawn(process.execPath, [launcher, ...args], { cwd: folder, env: environment });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  child.stdin.end(options.input ?? '');
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** Expects one line that begins with the name of the program, as every error must be. */
const oneLine = /^tidemark: [^\n]+\n$/;

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function write(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

describe('help', () => {
  it('names every command', async () => {
    const { code, stdout, stderr } = await tidemark(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { name } of commands) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  });

  it.each(commands.map(({ name }) => name))('of %s shows examples of it', async (name) => {
    const { code, stdout } = await command([name, '--help']);
    expect(code).toBe(0);
    expect(stdout.slice(stdout.indexOf('Examples:'))).toContain(`tidemark ${name}`);
    expect((await command(['help', name])).stdout).toBe(stdout);
  });

  it('goes to stderr with exit code 2 when no command is given', async () => {
    const { code, stdout, stderr } = await command([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('sample');
  });
});

describe('a wrong call', () => {
  it.each([
    ['an unknown command', ['fly'], 'fly'],
    ['an unknown option', ['sample', 'open-close', '--fast'], '--fast'],
    ['a missing argument', ['replay'], 'FILES'],
    ['a superfluous argument', ['sample', 'open-close', 'twice', '--out', 'x'], 'sample'],
    ['an option without its value', ['sample', 'open-close', '--out'], '--out'],
    ['a missing option', ['sample', 'open-close'], '--out'],
    ['an unknown dataset', ['sample', 'taxis', '--out', 'x'], 'taxis'],
    ['a number that is none', ['sample', 'open-close', '--out', 'x', '--seed', 'abc'], '--seed'],
    ['a number out of bounds', ['replay', 'a', '--port', '70000'], '70000'],
    ['an odd number of events', ['sample', 'open-close', '--out', 'x', '--events', '3', '--files', '1'], '--events'],
    ['more files than events', ['sample', 'open-close', '--out', 'x', '--events', '4', '--files', '3'], '--files'],
    ['a bad endpoint', ['put', '--endpoint', 'nowhere'], 'nowhere'],
    ['two endpoints', ['put', '--endpoint', 'http://127.0.0.1:1', '--port', '1'], '--port'],
    ['an unknown pipeline', ['put', '--pipeline', 'nonsense', '--port', '1'], 'nonsense'],
  ])('ends with exit code 2 and one line: %s', async (_, args, named) => {
    const { code, stdout, stderr } = await command(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(named);
  });
});

describe('what goes wrong outside', () => {
  const event = '{"time":1469501107,"action":"Open"}\n';

  it('is one line with exit code 1 when a file does not exist, and nothing is put', async () => {
    const { code, stderr } = await command([
      'replay',
      write('there.json', event),
      path.join(folder, 'missing.json'),
      '--port',
      String(await closedPort()),
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('missing.json');
  });

  it('is one line when a folder is given for a file', async () => {
    const { code, stderr } = await command(['replay', folder, '--port', String(await closedPort())]);
    expect(code).toBe(1);
    expect(stderr).toMatch(oneLine);
  });

  it('is an error that names the address when nothing listens', async () => {
    const port = await closedPort();
    const { code, stderr } = await command(['put', '--port', String(port)], event);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^tidemark: .*${port}`, 'm'));
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it('is an error that names the variable when there are no credentials, or no region', async () => {
    const withoutKeys = await tidemark(['put'], { input: event, environment: { AWS_REGION: 'us-east-1' } });
    const withoutRegion = await tidemark(['put'], {
      input: event,
      environment: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    });
    expect([withoutKeys.code, withoutRegion.code]).toEqual([1, 1]);
    expect(withoutKeys.stderr).toMatch(/^tidemark: .*AWS_ACCESS_KEY_ID/m);
    expect(withoutRegion.stderr).toMatch(/^tidemark: .*AWS_REGION/m);
  });

  it.each([
    ['does not compile', 'export default definePipeline({', /broken\.ts/],
    ['exports no pipeline', 'export const nothing = 1;', /definePipeline/],
    ['throws', "throw new Error('thrown by the pipeline');", /thrown by the pipeline/],
    [
      'is refused by definePipeline',
      "import { definePipeline } from 'tidemark';\nexport default definePipeline({ name: 'No Name' } as never);",
      /queries|name/,
    ],
  ])('is one line when the pipeline %s', async (_, content, named) => {
    const { code, stderr } = await command(['put', '--port', '1', '--pipeline', write('broken.ts', content)]);
    expect(code).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(named);
  });
});

describe('sample', () => {
  it('writes the files to a folder of the user, again over its own, and never beside others', async () => {
    const args = ['sample', 'open-close', '--out', 'small', '--events', '400', '--files', '4', '--json'];
    const first = await tidemark(args);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toMatchObject({ files: 4, events: 400, open: 200, close: 200 });
    expect(readdirSync(path.join(folder, 'small'))).toEqual([
      'events-00.json',
      'events-01.json',
      'events-02.json',
      'events-03.json',
    ]);
    expect(await tidemark(args)).toEqual(first);
    write('small/other.json', '{}');
    const refused = await tidemark(args);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(oneLine);
    expect(refused.stderr).toContain('other.json');
  });
});

describe('the launcher', () => {
  it('lets many first runs at once all succeed', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => tidemark(['--version'])));
    expect(results.map(({ code, stdout }) => [code, /^\d+\.\d+\.\d+\n$/.test(stdout)])).toEqual(
      Array(4).fill([0, true]),
    );
  });

  it('ends quietly when the reader of its output goes away', async () => {
    const child = spawn(process.execPath, [launcher, '--help'], { cwd: folder });
    child.stdout.destroy(); // long before anything is written
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(0);
    expect(stderr).toBe('');
  });
});
