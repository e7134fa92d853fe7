import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../fixtures/local/start.ts';
import { launch } from '../fixtures/system/command-line.ts';
import { type Conservation, interrupt, lines, watching } from '../fixtures/system/watching.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-watch-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('stream --watch', () => {
  it('loses nothing and counts nothing twice when it is killed in the middle of a file, and prints no window again', async () => {
    const system = watching(root, 'killed');
    system.put('a.json', lines(0, 3000));
    system.put('b.json.gz', gzipSync(lines(3000, 9000)));
    const first = system.start('--rate', '1500', '--max-files-per-trigger', '1');
    const printed: string[] = [];
    first.child.stdout?.on('data', (text: string) => printed.push(...text.split('\n').filter((line) => line !== '')));
    await system.said(/^stream: 1 files/m);
    // some of the second file's lines are in the stream by now, but not all of them
    const url = /http:\S+\//.exec(system.log())?.[0] ?? '';
    await until(async () => ((await (await fetch(`${url}v1/conservation`)).json()) as Conservation).received > 3500);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(system.consumed()).toEqual(['a.json']);
    // as a kill during the writing of a note leaves it
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
    const system = watching(root, 'refused');
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
