import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command, type Ended } from '../fixtures/system/command-line.ts';
import { printedCounters } from '../fixtures/system/printed-counters.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-lesson-'));
const sample = join(folder, 'events');
const data = join(folder, 'data');
let files: readonly string[];
let streamed: Ended;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  await command(['sample', 'open-close', '--out', sample, '--clean', '--events', '4000', '--files', '8']);
  files = readdirSync(sample)
    .sort()
    .map((name) => join(sample, name));
  streamed = await command([
    'stream',
    ...files,
    '--shards',
    '2',
    '--max-files-per-trigger',
    '2',
    '--data',
    data,
    '--json',
  ]);
});

/** The printed rows, and the text of the lines behind them. */
function read({ code, stdout, stderr }: Ended) {
  expect(code, stderr).toBe(0);
  return { rows: stdout, last: printedCounters(stderr) };
}

describe('the lesson: stream instead of batch', () => {
  it('prints the same bytes on clean input, and the same counters', async () => {
    const batch = read(await command(['batch', ...files, '--json']));
    const stream = read(streamed);
    expect(batch.rows.split('\n').length).toBeGreaterThan(90);
    expect(stream.rows).toBe(batch.rows);
    expect(stream.last.conservation).toEqual({
      received: 4000,
      counted: 4000,
      late: 0,
      duplicate: 0,
      rejected: 0,
      filtered: 0,
    });
    expect(batch.last.conservation).toEqual(stream.last.conservation);
    expect(stream.last.writeUnits).toBeGreaterThan(0);
  });

  it('is done when it is gone on with: nothing is put twice, and the totals are the same bytes too', async () => {
    const words = [...files, '--totals', 'action', '--json'];
    const batch = read(await command(['batch', ...words]));
    const again = read(await command(['stream', ...words, '--shards', '2', '--data', data, '--resume']));
    expect(again.rows).toBe(batch.rows);
    expect(again.last.conservation).toEqual(batch.last.conservation);
  });

  it('is not begun anew in a folder that holds it, nor gone on with other files or another pipeline', async () => {
    const others = {
      fresh: ['stream', ...files, '--data', data],
      files: ['stream', ...files.slice(1), '--data', data, '--resume'],
    };
    const pipeline = ['stream', ...files, '--data', data, '--resume', '--pipeline', 'earthquakes'];
    for (const words of [others.fresh, others.files, pipeline]) {
      const { code, stdout, stderr } = await command(words);
      expect({ code, stdout, lines: stderr.split('\n').length - 1 }).toEqual({ code: 1, stdout: '', lines: 1 });
    }
  });
});
