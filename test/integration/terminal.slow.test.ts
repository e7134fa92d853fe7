import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import stringWidth from 'string-width';
import { afterAll, describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { isMissing } from '../fixtures/needs.ts';
import { hasTmux, shownBy } from '../fixtures/system/tmux.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-terminal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const example = (name: string) => [join(findPackageRoot(), 'examples', name, `${name}.ndjson`), '--pipeline', name];
writeFileSync(
  join(folder, 'dirty.json'),
  `{"time":1469501107,"action":"Open"}\n{"time":1469501107,"action":"${'Explode'.repeat(30)}"}\n`,
);

const widest = (lines: readonly string[]) => Math.max(...lines.map((line) => stringWidth(line)));

describe.skipIf(isMissing(hasTmux(), 'tmux'))('a terminal', () => {
  it.each([80, 120])('of %i columns fits the tables, and what stands around them', async (columns) => {
    for (const words of [
      ['batch', 'dirty.json', '--pipeline', 'device-actions'],
      ['batch', ...example('sales')],
      ['batch', ...example('leaderboard')],
      ['delay', ...example('sales'), '--keep', '99%'],
      ['cost', '--events-per-second', '100000', '--keys', '100000'],
      ['up', '--port', 'x'],
    ]) {
      const lines = await shownBy(words, { columns, folder });
      expect(lines.length, words.join(' ')).toBeGreaterThan(0);
      expect(widest(lines), lines.join('\n')).toBeLessThanOrEqual(columns);
    }
  });

  it('shows a table, and the counters below it', async () => {
    const lines = await shownBy(['batch', ...example('sales')], { columns: 80, folder });
    expect(lines).toContainEqual(
      expect.stringMatching(/^│ window \(Europe\/Berlin\) │ currency │ orders │ +revenue │ +meanOrder │$/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^│ \d{4}-\d\d-\d\d +│ EUR +│/)); // a day of its zone
    const [table, counters] = [
      lines.findIndex((line) => line.startsWith('└')),
      lines.findIndex((line) => line.startsWith('received ')),
    ];
    expect(table).toBeGreaterThan(0);
    expect(counters).toBeGreaterThan(table);
  });

  it('shows the demo, its faults too, in two screens', async () => {
    const lines = await shownBy(['demo'], { columns: 80, folder });
    const text = lines.join('\n');
    expect(widest(lines)).toBeLessThanOrEqual(80);
    expect(lines.length).toBeLessThan(80);
    expect(text).toMatch(/killed the functions \(kill -9[\s\S]* split shard 0\s+in two/);
    expect(text.match(/^\.\.\. \d+ more$/gm)).toHaveLength(2);
    expect(text).toMatch(/^received 100,050 = counted/m);
    expect(text).toMatch(/^equal: /m);
  });
});
