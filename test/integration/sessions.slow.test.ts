import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clickLines, clicks, visits } from '../fixtures/clicks.ts';
import { command } from '../fixtures/system/command-line.ts';
import { printedCounters } from '../fixtures/system/printed-counters.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-sessions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('clicks by session', () => {
  it('gives the visits, by batch and by stream the same bytes', async () => {
    const seed = 7;
    const made = clicks(seed);
    const file = join(folder, 'clicks.ndjson');
    writeFileSync(file, clickLines(made));
    const words = [file, '--pipeline', 'clicks-by-session', '--json'];
    const batch = await command(['batch', ...words]);
    const lines = batch.stdout.split('\n').slice(0, -1);
    const rows = lines.map(
      (line) => JSON.parse(line) as { start: number; end: number; key: { user: string }; values: { clicks: number } },
    );
    expect(
      rows.map(({ start, end, key, values }) => `${start}/${end} ${key.user} ${values.clicks}`).sort(),
      `seed ${seed}`,
    ).toEqual(visits(made));
    const stream = await command(['stream', ...words, '--shards', '2', '--data', join(folder, 'data')]);
    expect({ code: stream.code, rows: stream.stdout.split('\n').slice(0, -1) }).toEqual({ code: 0, rows: lines });
    expect(printedCounters(stream.stderr).conservation).toEqual({
      received: made.length,
      counted: made.length,
      late: 0,
      duplicate: 0,
      rejected: 0,
      filtered: 0,
    });

    const totals = await command(['batch', ...words, '--totals', 'user']);
    const again = await command([
      'stream',
      ...words,
      '--totals',
      'user',
      '--shards',
      '2',
      '--data',
      join(folder, 'data'),
      '--resume',
    ]);
    expect(again.stdout.split('\n').slice(0, -1)).toEqual(totals.stdout.split('\n').slice(0, -1));
    expect(totals.stdout.split('\n').length).toBeGreaterThan(8);
  });
});
