import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../fixtures/local/start.ts';
import { launch, type Running } from '../fixtures/system/command-line.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-watch-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Events a second apart, from the nth on. */
function lines(from: number, count: number): string {
  return Array.from(
    { length: count },
    (_, i) => `${JSON.stringify({ time: 1_469_500_000 + from + i, action: i % 2 ? 'Open' : 'Close' })}\n`,
  ).join('');
}

interface Conservation {
  readonly received: number;
  readonly counted: number;
  readonly late: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly filtered: number;
}

/** A folder, a data folder, and what is started over them. */
function watching(name: string) {
  const folder = join(root, name);
  const data = join(root, `${name}-data`);
  mkdirSync(folder, { recursive: true });
  let log = '';
  return {
    folder,
    data,
    /** Writes it elsewhere and moves it into the folder. */
    put(file: string, content: string | Uint8Array): void {
      writeFileSync(join(root, `${name}-${file}`), content);
      renameSync(join(root, `${name}-${file}`), join(folder, file));
    },
    start(...words: readonly string[]): Running {
      const running = launch(['stream', '--watch', folder, '--data', data, '--shards', '2', '--json', ...words]);
      log = '';
      running.child.stderr?.on('data', (text: string) => {
        log += text;
      });
      return running;
    },
    /** Until it has said something, to be taken at its word. */
    said: (pattern: RegExp) => until(() => pattern.test(log)),
    log: () => log,
    consumed: () => {
      try {
        return readFileSync(join(data, 'consumed.ndjson'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as { name: string }).name);
      } catch {
        return [];
      }
    },
  };
}

/** Ctrl-C, and what was printed: rows of windows, then the law of conservation. */
async function interrupt({ child, ended }: Running): Promise<{
  readonly rows: readonly string[];
  readonly conservation: Conservation;
  readonly code: number | null;
}> {
  child.kill('SIGINT');
  const { code, stdout } = await ended;
  const printed = stdout.trimEnd().split('\n');
  const { conservation } = JSON.parse(printed.at(-1) ?? '{}') as { conservation: Conservation };
  return { rows: printed.slice(0, -1), conservation, code };
}

/** Three whole systems are started, one after the other, on a machine that may have other things to do. */
const patienceMs = 240_000;

describe('stream --watch', { timeout: patienceMs }, () => {
  it('takes each file that is moved into the folder once, prints windows once they are final, and lets what is not whole wait', async () => {
    const system = watching('plain');
    system.put('a.json', lines(0, 4000));
    writeFileSync(join(system.folder, '.hidden.json'), lines(0, 5));
    writeFileSync(join(system.folder, 'coming.json.tmp'), lines(0, 5));
    mkdirSync(join(system.folder, 'sub'));
    const running = system.start();
    await system.said(/^stream: 1 files/m);
    const packed = gzipSync(lines(4000, 8000));
    system.put('b.json.gz', packed.subarray(0, packed.length - 9));
    await system.said(/b\.json\.gz: broken gzip/);
    system.put('c.csv', `time,action\n${1_469_500_000 + 4000},Open\n`);
    await system.said(/^stream: 2 files/m);
    expect(system.consumed()).toEqual(['a.json', 'c.csv']);
    system.put('b.json.gz', packed);
    await system.said(/^stream: 3 files/m);
    await until(() => /final [1-9]/.test(system.log()));
    const { rows, conservation, code } = await interrupt(running);
    expect(code).toBe(130);
    expect(conservation).toMatchObject({ received: 12_001, counted: 12_001, late: 0, rejected: 0 });
    const starts = rows
      .map((row) => JSON.parse(row) as { start: number; key: { action: string } })
      .map(({ start, key }) => `${start} ${key.action}`);
    expect(starts).toEqual([...new Set(starts)]);
    expect(starts[0]).toBe('1469498400000 Close');
  });

  it('loses nothing and counts nothing twice when it is killed in the middle of a file, and prints no window again', async () => {
    const system = watching('killed');
    system.put('a.json', lines(0, 3000));
    system.put('b.json.gz', gzipSync(lines(3000, 9000)));
    const first = system.start('--rate', '1500', '--max-files-per-trigger', '1');
    const printed: string[] = [];
    first.child.stdout?.on('data', (text: string) => printed.push(...text.split('\n').filter((line) => line !== '')));
    await system.said(/^stream: 1 files/m);
    // some of the second file's lines are in the stream by now, and not all of them
    const url = /http:\S+\//.exec(system.log())?.[0] ?? '';
    await until(async () => ((await (await fetch(`${url}v1/conservation`)).json()) as Conservation).received > 3500);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(system.consumed()).toEqual(['a.json']);
    // as a kill in the middle of a note leaves it
    writeFileSync(
      join(system.data, 'consumed.ndjson'),
      `${readFileSync(join(system.data, 'consumed.ndjson'), 'utf8')}{"name":"b.js`,
    );
    system.put('c.json', lines(12_000, 3000));
    const second = system.start('--resume');
    await system.said(/^stream: 3 files/m);
    const { rows, conservation } = await interrupt(second);
    expect(conservation).toMatchObject({
      received: 15_000,
      counted: 15_000,
      late: 0,
      duplicate: 0,
      rejected: 0,
      filtered: 0,
    });
    expect(rows.filter((row) => printed.includes(row))).toEqual([]);
    const third = system.start('--resume');
    await system.said(/^watching/m);
    expect((await interrupt(third)).conservation).toMatchObject({ received: 15_000, counted: 15_000 });
    expect(system.consumed().sort()).toEqual(['a.json', 'b.json.gz', 'c.json']);
  });

  it('refuses what it cannot go on with, in one line', async () => {
    const system = watching('refused');
    system.put('a.json', lines(0, 10));
    const running = system.start();
    await system.said(/^stream: 1 files/m);
    await interrupt(running);
    const other = launch(['stream', '--watch', root, '--data', system.data, '--resume']);
    expect(await other.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`holds a stream of ${system.folder}`),
    });
    const named = launch(['stream', join(system.folder, 'a.json'), '--data', system.data, '--resume']);
    expect(await named.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('--watch') });
    const both = launch(['stream', join(system.folder, 'a.json'), '--watch', system.folder]);
    expect(await both.ended).toMatchObject({ code: 2 });
    expect(await launch(['stream']).ended).toMatchObject({ code: 2, stderr: expect.stringContaining('--watch') });
  });
});
