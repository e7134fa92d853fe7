import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clickLines, clicks, visits } from '../fixtures/clicks.ts';
import { command } from '../fixtures/system/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-sessions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('clicks by session', () => {
  it.each([7, 8, 9])('gives the visits by batch, with seed %i', async (seed) => {
    const made = clicks(seed);
    const file = join(folder, `clicks-${seed}.ndjson`);
    writeFileSync(file, clickLines(made));
    const { stdout } = await command(['batch', file, '--pipeline', 'clicks-by-session', '--json']);
    const rows = stdout
      .split('\n')
      .slice(0, -1)
      .map(
        (line) => JSON.parse(line) as { start: number; end: number; key: { user: string }; values: { clicks: number } },
      );
    expect(rows.map(({ start, end, key, values }) => `${start}/${end} ${key.user} ${values.clicks}`).sort()).toEqual(
      visits(made),
    );
  });
});
