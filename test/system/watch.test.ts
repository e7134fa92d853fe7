import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../fixtures/local/start.ts';
import { interrupt, lines, watching } from '../fixtures/system/watching.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-watch-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('stream --watch', () => {
  it('takes each file that is moved into the folder once, prints windows once they are final, and lets what is not whole wait', async () => {
    const system = watching(root, 'plain');
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
});
