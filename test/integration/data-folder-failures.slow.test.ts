import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../fixtures/local/start.ts';
import { isMissing } from '../fixtures/needs.ts';
import { command, type Ended, launch } from '../fixtures/system/command-line.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-failures-'));
/**
 * A data folder in which 2,000 events were counted. `killed` is as a kill -9 left it. `stopped` is the same after one
 * more start and stop, which packs the logs of the tables.
 */
const killed = join(root, 'killed');
const stopped = join(root, 'stopped');
/** The same after another 2,000 events. */
const twice = join(root, 'twice');
let folders = 0;

afterAll(() => rmSync(root, { recursive: true, force: true }));

const events = Array.from(
  { length: 2_000 },
  (_, i) => `${JSON.stringify({ time: 1_469_501_107 + i, action: i % 2 ? 'Open' : 'Close' })}\n`,
).join('');

beforeAll(async () => {
  const up = launch(['up', '--port', '0', '--data', killed, '--json']);
  const { url } = JSON.parse(await up.firstLine()) as { readonly url: string };
  await put(url);
  await received(url, 2_000);
  await until(() => existsSync(join(killed, 'checkpoints.json')));
  up.child.kill('SIGKILL');
  await up.ended;
  cpSync(killed, stopped, { recursive: true });
  const again = launch(['up', '--port', '0', '--data', stopped]);
  await again.firstLine();
  again.child.kill('SIGINT');
  await again.ended;
  cpSync(stopped, twice, { recursive: true });
  const more = launch(['up', '--port', '0', '--data', twice, '--json']);
  const { url: there } = JSON.parse(await more.firstLine()) as { readonly url: string };
  await put(there);
  await received(there, 4_000);
  more.child.kill('SIGINT');
  await more.ended;
});

async function conservation(url: string) {
  return (await (await fetch(`${url}/v1/conservation`)).json()) as { readonly received?: number };
}

async function received(url: string, count: number): Promise<void> {
  await until(async () => (await conservation(url)).received === count);
}

async function put(url: string): Promise<Ended> {
  return command(['put', '--port', new URL(url).port], events);
}

/** A copy that a test may damage. */
function copyOf(folder: string): string {
  const copy = join(root, `${folders++}`);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/**
 * The files of a data folder whose loss would lose data, with their bytes. The mark of who took the folder, the logs
 * and LevelDB's notes are left out.
 */
function contentOf(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^(LOCK|LOG|LOG\.old|leader|.*\.log)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(name).toString('base64')]));
}

/** Starts on a folder that must be refused: exit code 1, nothing on stdout, one line on stderr, without a stack. */
async function refusal(dataDir: string): Promise<string> {
  const up = launch(['up', '--port', '0', '--data', dataDir]);
  const started = up.firstLine().then(
    () => up.child.kill('SIGKILL'), // a start that should not have been: the expectations below tell
    () => undefined,
  );
  const { code, stdout, stderr } = await up.ended;
  await started;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^tidemark: [^\n]+\n$/);
  return stderr;
}

/** The logs of LevelDB, and the records of the emulated Kinesis. */
const log = /^\d+\.log$/;
const records = /\.records$/;

function theFile(folder: string, pattern: RegExp): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const name = names.find((each) => pattern.test(each));
  if (name === undefined) throw new Error(`no file ${pattern} in ${folder}: ${names.join(', ')}`);
  return join(folder, name);
}

function flip(file: string, from: number): void {
  const bytes = readFileSync(file);
  for (let at = from; at < Math.min(bytes.length, from + 64); at++) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
}

describe('a damaged data folder', () => {
  it.each([
    ['empty', () => ''],
    ['cut', (text: string) => text.slice(0, text.length >> 1)],
    ['garbage', () => '\u0000\u0001\u0002'],
    ['of another version', (text: string) => text.replace('"version":1', '"version":2')],
  ] as const)('is refused with checkpoints that are %s, and stays as it is', async (_name, damage) => {
    const folder = copyOf(killed);
    const file = join(folder, 'checkpoints.json');
    writeFileSync(file, damage(readFileSync(file, 'utf8')));
    const damaged = readFileSync(file);
    expect(await refusal(folder)).toContain(file);
    expect(readFileSync(file)).toEqual(damaged);
  });

  it.each([
    ['records that fail their checksum', 'kinesis', (path: string) => flip(theFile(path, records), 2_000)],
    ['a damaged list of streams', 'kinesis', (path: string) => flip(join(path, 'streams.json'), 40)],
    ['no list of streams', 'kinesis', (path: string) => rmSync(join(path, 'streams.json'))],
    ['streams of kinesalite', 'kinesis', (path: string) => writeFileSync(join(path, 'CURRENT'), 'MANIFEST-000002\n')],
    ['a log of tables that fails its checksums', 'dynamodb', (path: string) => flip(theFile(path, log), 2_000)],
  ] as const)('is refused with %s (%s), and stays as it is', async (_name, database, damage) => {
    const folder = copyOf(killed);
    damage(join(folder, database));
    const before = contentOf(folder);
    expect(await refusal(folder)).toContain(join(folder, database));
    expect(contentOf(folder)).toEqual(before);
  });

  it('is refused without the file CURRENT of the tables, which would make them new ones, and stays as it is', async () => {
    const folder = copyOf(stopped);
    rmSync(join(folder, 'dynamodb', 'CURRENT'));
    const before = contentOf(folder);
    expect(await refusal(folder)).toContain(join(folder, 'dynamodb'));
    expect(contentOf(folder)).toEqual(before);
  });

  it('is refused with a file of the tables that cannot be read', async () => {
    const folder = copyOf(stopped);
    flip(theFile(join(folder, 'dynamodb'), /\.ldb$/), 500);
    expect(await refusal(folder)).toContain(join(folder, 'dynamodb'));
  });

  it('is refused when the tables have lost what was delivered', async () => {
    const folder = copyOf(killed);
    rmSync(theFile(join(folder, 'dynamodb'), log));
    expect(await refusal(folder)).toContain(join(folder, 'dynamodb'));
  });

  it('is refused when the stream has lost what was delivered', async () => {
    const folder = copyOf(killed);
    const file = theFile(join(folder, 'kinesis'), records);
    writeFileSync(file, readFileSync(file).subarray(0, -1));
    expect(await refusal(folder)).toContain(join(folder, 'kinesis'));
  });

  describe.each(['there', 'lost'] as const)('with checkpoints that are %s', (checkpoints) => {
    const damagedCopy = (of: string): string => {
      const folder = copyOf(of);
      if (checkpoints === 'lost') rmSync(join(folder, 'checkpoints.json'));
      return folder;
    };

    it.each([0, 0.02, 0.5, 0.99])('is refused with %d of the records of a shard', async (share) => {
      const folder = damagedCopy(killed);
      const file = theFile(join(folder, 'kinesis'), records);
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.subarray(0, Math.floor(share * bytes.length)));
      expect(await refusal(folder)).toContain(join(folder, 'kinesis'));
      // and nothing was made that the next start would take for a stream
      expect(await refusal(folder)).toContain('restore the folder');
    });

    it('is refused with a stream that begins anew', async () => {
      const folder = damagedCopy(stopped);
      rmSync(join(folder, 'kinesis'), { recursive: true });
      expect(await refusal(folder)).toContain(join(folder, 'kinesis'));
    });

    it('is refused with a stream from an older copy', async () => {
      const folder = damagedCopy(twice);
      rmSync(join(folder, 'kinesis'), { recursive: true });
      cpSync(join(stopped, 'kinesis'), join(folder, 'kinesis'), { recursive: true });
      expect(await refusal(folder)).toContain(join(folder, 'kinesis'));
    });
  });

  it('is refused with tables from an older copy, or without tables, where the checkpoints know better', async () => {
    const folder = copyOf(twice);
    rmSync(join(folder, 'dynamodb'), { recursive: true });
    expect(await refusal(folder)).toContain(join(folder, 'dynamodb'));
    rmSync(join(folder, 'dynamodb'), { recursive: true });
    cpSync(join(stopped, 'dynamodb'), join(folder, 'dynamodb'), { recursive: true });
    expect(await refusal(folder)).toContain(join(folder, 'dynamodb'));
  });

  it.each([
    ['without checkpoints', (folder: string) => rmSync(join(folder, 'checkpoints.json'))],
    [
      'with checkpoints from an older copy',
      (folder: string) => cpSync(join(stopped, 'checkpoints.json'), join(folder, 'checkpoints.json')),
    ],
    [
      'with older tables and checkpoints',
      (folder: string) => {
        cpSync(join(stopped, 'checkpoints.json'), join(folder, 'checkpoints.json'));
        rmSync(join(folder, 'dynamodb'), { recursive: true });
        cpSync(join(stopped, 'dynamodb'), join(folder, 'dynamodb'), { recursive: true });
      },
    ],
    [
      'without tables and checkpoints',
      (folder: string) => {
        rmSync(join(folder, 'checkpoints.json'));
        rmSync(join(folder, 'dynamodb'), { recursive: true });
      },
    ],
  ] as const)('goes on %s, and counts every event once', async (_name, damage) => {
    const folder = copyOf(twice);
    damage(folder);
    const up = launch(['up', '--port', '0', '--data', folder, '--json']);
    const { url } = JSON.parse(await up.firstLine()) as { readonly url: string };
    await received(url, 4_000);
    expect((await command(['drain', '--port', new URL(url).port])).code).toBe(0);
    expect(await conservation(url)).toMatchObject({ received: 4_000, holds: true });
    up.child.kill('SIGINT');
    await up.ended;
  });

  it('is no folder whose last writes a kill cut short', async () => {
    const folder = copyOf(killed);
    appendFileSync(theFile(join(folder, 'dynamodb'), log), Buffer.from([1, 2, 3, 4, 200, 0, 1, 9]));
    const file = theFile(join(folder, 'kinesis'), records);
    appendFileSync(file, readFileSync(file).subarray(0, 100));
    const up = launch(['up', '--port', '0', '--data', folder, '--json']);
    const { url } = JSON.parse(await up.firstLine()) as { readonly url: string };
    await put(url);
    await received(url, 4_000);
    up.child.kill('SIGINT');
    expect((await up.ended).code).toBe(130);
  });
});

/** Mounts a small file system in memory, if this machine allows it: only root may. */
function mount(folder: string, options: string): boolean {
  mkdirSync(folder, { recursive: true });
  return (
    process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status === 0
  );
}

const canMount = mount(join(root, 'probe'), 'size=64k');
if (canMount) spawnSync('umount', [join(root, 'probe')]);
const cannotMount = isMissing(canMount, 'root, to mount a file system');

describe.skipIf(cannotMount)('a data folder on a file system of its own', () => {
  it('ends the system with one line when the disk is full, and goes on from there when there is room again', async () => {
    const disk = join(root, 'disk');
    mount(disk, 'size=900k');
    try {
      const folder = join(disk, 'data');
      cpSync(killed, folder, { recursive: true });
      const up = launch(['up', '--port', '0', '--data', folder, '--json']);
      const { url } = JSON.parse(await up.firstLine()) as { readonly url: string };
      let ended = false;
      void up.ended.then(() => {
        ended = true;
      });
      await until(async () => ended || ((await put(url)).code === 0 ? false : up.ended.then(() => true)));
      const { code, stderr } = await up.ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^tidemark: [^\n]*no space[^\n]+\n$/i);
      expect(spawnSync('mount', ['-o', 'remount,size=64m', disk]).status).toBe(0);
      const again = launch(['up', '--port', '0', '--data', folder, '--json']);
      const { url: there } = JSON.parse(await again.firstLine()) as { readonly url: string };
      expect((await put(there)).code).toBe(0);
      expect((await command(['drain', '--port', new URL(there).port])).code).toBe(0);
      const counters = (await (await fetch(`${there}/v1/conservation`)).json()) as {
        readonly received: number;
        readonly holds: boolean;
      };
      expect(counters.holds).toBe(true);
      expect(counters.received).toBeGreaterThanOrEqual(4_000);
      again.child.kill('SIGINT');
      await again.ended;
    } finally {
      spawnSync('umount', ['-l', disk]);
    }
  });

  it('is refused when it is read-only, and stays as it is', async () => {
    const disk = join(root, 'read-only');
    mount(disk, 'size=16m');
    try {
      const folder = join(disk, 'data');
      cpSync(stopped, folder, { recursive: true });
      expect(spawnSync('mount', ['-o', 'remount,ro', disk]).status).toBe(0);
      const before = contentOf(folder);
      expect(await refusal(folder)).toContain(folder);
      expect(contentOf(folder)).toEqual(before);
    } finally {
      spawnSync('umount', ['-l', disk]);
    }
  });
});
