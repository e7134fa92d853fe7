import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { command } from '../fixtures/system/command-line.ts';
import { read, withRetries } from '../fixtures/system/repeated-orders.ts';
import { systemFixture } from '../fixtures/system/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-dedup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pipelineFile = systemFixture('deduplicated');

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('events that were sent again', () => {
  it('are counted once, whatever shard they are on: the feeders send equal ids to one, and the answer is that of the files', async () => {
    const { lines, once } = withRetries(3000);
    const files = [file('first.json', lines.slice(0, 2500)), file('second.json', lines.slice(2500))];
    const words = [...files, '--pipeline', pipelineFile, '--json'];
    const stream = read(await command(['stream', ...words, '--shards', '4']));
    const batch = read(await command(['batch', ...words]));
    const alone = read(await command(['batch', file('once.json', once), '--pipeline', pipelineFile, '--json']));
    expect(stream).toEqual(batch);
    expect(batch.rows).toEqual(alone.rows);
    expect(stream.conservation).toEqual({
      received: 4000,
      counted: 3000,
      late: 0,
      duplicate: 1000,
      rejected: 0,
      filtered: 0,
    });
  });
});
