import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { command } from '../fixtures/system/command-line.ts';
import { seededRandom } from '../simulation/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-sessions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dayMs = Date.UTC(2026, 10, 24);
const minuteMs = 60_000;
const gapMs = 30 * minuteMs;

interface Click {
  readonly at: number;
  readonly user: string;
}

/**
 * Visits of some users over an afternoon, some of them longer than many gaps; the clicks in the order in which they
 * come, up to some minutes late.
 */
function clicks(seed: number): readonly Click[] {
  const random = seededRandom(seed);
  const made: (Click & { readonly comes: number })[] = [];
  for (let user = 0; user < 8; user++) {
    for (let at = dayMs + random.int(0, 60 * minuteMs); at < dayMs + 6 * 60 * minuteMs; ) {
      made.push({ at, user: `user-${user}`, comes: at + random.int(0, 2 * minuteMs) });
      // Now and then exactly a gap apart: that is one visit.
      at += random.pick([minuteMs, 5 * minuteMs, 20 * minuteMs, gapMs, gapMs, gapMs + 1, 3 * gapMs]);
    }
  }
  return made.sort((left, right) => left.comes - right.comes);
}

/** The visits, counted by hand. */
function visits(made: readonly Click[]) {
  const found: { user: string; start: number; last: number; clicks: number }[] = [];
  for (const { at, user } of [...made].sort((left, right) => left.at - right.at)) {
    const visit = found.findLast((one) => one.user === user);
    if (visit !== undefined && at - visit.last <= gapMs) Object.assign(visit, { last: at, clicks: visit.clicks + 1 });
    else found.push({ user, start: at, last: at, clicks: 1 });
  }
  return found.map(({ user, start, last, clicks: count }) => `${start}/${last + gapMs} ${user} ${count}`).sort();
}

describe('clicks by session', () => {
  it('gives the visits, by batch and by stream the same bytes', async () => {
    const seed = 7;
    const made = clicks(seed);
    const file = join(folder, 'clicks.ndjson');
    writeFileSync(
      file,
      made
        .map(({ at, user }, i) => `${JSON.stringify({ time: new Date(at).toISOString(), user, page: '/', cart: i })}\n`)
        .join(''),
    );
    const words = [file, '--pipeline', 'clicks-by-session', '--json'];
    const batch = await command(['batch', ...words]);
    const lines = batch.stdout.split('\n').slice(0, -2);
    const rows = lines.map(
      (line) => JSON.parse(line) as { start: number; end: number; key: { user: string }; values: { clicks: number } },
    );
    expect(
      rows.map(({ start, end, key, values }) => `${start}/${end} ${key.user} ${values.clicks}`).sort(),
      `seed ${seed}`,
    ).toEqual(visits(made));
    const stream = await command(['stream', ...words, '--shards', '2', '--data', join(folder, 'data')]);
    expect({ code: stream.code, rows: stream.stdout.split('\n').slice(0, -2) }).toEqual({ code: 0, rows: lines });
    const { conservation } = JSON.parse(stream.stdout.split('\n').at(-2) ?? '') as { conservation: object };
    expect(conservation).toEqual({
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
    expect(again.stdout.split('\n').slice(0, -2)).toEqual(totals.stdout.split('\n').slice(0, -2));
    expect(totals.stdout.split('\n').length).toBeGreaterThan(8);
  }, 180_000);
});
