import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../fixtures/system/command-line.ts';
import { type Line, parse } from '../fixtures/system/printed-rows.ts';
import { order, type System, startSystem, systemFixture } from '../fixtures/system/system.ts';

const hourMs = 3_600_000;
const t0 = Date.parse('2026-01-01T00:00:00Z');
const pipeline = systemFixture('panes');
const folder = mkdtempSync(join(tmpdir(), 'tidemark-panes-'));
let system: System;

beforeAll(async () => {
  system = await startSystem({ pipelineFile: pipeline, pipelineName: 'versions', shards: 1 });
});
afterAll(async () => {
  await system.close();
  rmSync(folder, { recursive: true });
});

async function windows(...words: readonly string[]): Promise<readonly Line[]> {
  const ended = await command(['windows', '--port', new URL(system.local.url).port, ...words, '--json']);
  expect(ended.code, ended.stderr).toBe(0);
  return parse(ended.stdout);
}

const short = (lines: readonly Line[]) =>
  lines.map(({ start, key, values, status }) => [(start - t0) / hourMs, key.kind, values.n, status]);
const put = async (...events: readonly (readonly [ms: number, kind: string])[]) => {
  await system.put(events.map(([ms, kind]) => ({ data: order(t0 + ms, kind) })));
  await system.finalize({});
};

/** The tests build on one another. */
describe('windows with several panes', () => {
  const append = ['--mode', 'append', '--cursor', join(folder, 'append.json')];
  const update = ['--mode', 'update', '--cursor', join(folder, 'update.json')];

  it('send in each mode what it says, to a reader who comes again', async () => {
    await put([1, 'a'], [2, 'b']);
    expect(short(await windows(...append))).toEqual([]);
    expect(short(await windows(...update))).toEqual([
      [0, 'a', 1, 'open'],
      [0, 'b', 1, 'open'],
    ]);
    await put([3, 'a'], [hourMs, 'a']);
    await put([4, 'a']);
    expect(short(await windows(...update))).toEqual([
      [0, 'a', 3, 'open'],
      [0, 'b', 1, 'open'],
      [1, 'a', 1, 'open'],
    ]);
    expect(await windows(...update)).toEqual([]);
    await put([2 * hourMs, 'a']);
    const final = [
      [0, 'a', 3, 'final'],
      [0, 'b', 1, 'final'],
    ];
    expect(short(await windows(...append))).toEqual(final);
    expect(await windows(...append)).toEqual([]);
    expect(short(await windows(...update))).toEqual([...final, [2, 'a', 1, 'open']]);
    expect(short(await windows('--mode', 'complete'))).toEqual([...final, [1, 'a', 1, 'open'], [2, 'a', 1, 'open']]);
  });

  it('tell of a correction in update, and not in append', async () => {
    await put([5, 'b']);
    const replayed = await command([
      'late',
      'replay',
      '--port',
      new URL(system.local.url).port,
      '--pipeline',
      pipeline,
    ]);
    expect(replayed.code, replayed.stderr).toBe(0);
    expect(short(await windows(...update))).toEqual([
      [0, 'a', 3, 'final'],
      [0, 'b', 2, 'final'],
    ]);
    expect(await windows(...append)).toEqual([]);
  });

  it('show their history, the corrected final pane too', async () => {
    const lines = await windows('--history', new Date(t0).toISOString());
    expect(lines.map(({ revision, status, key, values }) => [revision, status, key.kind, values.n])).toEqual([
      [0, 'early', 'a', 1],
      [0, 'early', 'b', 1],
      [1, 'on-time', 'a', 2],
      [1, 'on-time', 'b', 1],
      [2, 'late', 'a', 3],
      [2, 'late', 'b', 1],
      [3, 'final', 'a', 3],
      [3, 'final', 'b', 1],
      [4, 'final', 'a', 3],
      [4, 'final', 'b', 2],
    ]);
    const { body } = await system.get(`queries/perKind/windows/${t0}/revisions`, { key: '{"kind":"b"}' });
    const revisions = body['revisions'] as readonly { readonly emittedAt: number; readonly rows: readonly unknown[] }[];
    expect(revisions.map(({ rows }) => rows.length)).toEqual([1, 1, 1, 1, 1]);
    const times = revisions.map(({ emittedAt }) => emittedAt);
    expect(times).toEqual([...times].sort((left, right) => left - right));
    expect(await system.get('queries/perKind/windows/7/revisions')).toMatchObject({
      status: 404,
      body: { parameter: 'start' },
    });
  });

  it('are asked for in ways that fit together', async () => {
    const refused = async (...words: readonly string[]) => (await command(['windows', '--port', '1', ...words])).code;
    expect(await refused('--mode', 'upsert')).toBe(2);
    expect(await refused('--mode', 'append', '--status', 'open')).toBe(2);
    expect(await refused('--mode', 'complete', '--cursor', 'x')).toBe(2);
    expect(await refused('--history', String(t0), '--mode', 'append')).toBe(2);
    const port = new URL(system.local.url).port;
    expect(
      (await command(['windows', '--port', port, '--mode', 'update', '--cursor', join(folder, 'append.json')])).code,
    ).toBe(2);
    writeFileSync(join(folder, 'other.json'), 'hello');
    expect(
      (await command(['windows', '--port', port, '--mode', 'update', '--cursor', join(folder, 'other.json')])).code,
    ).toBe(1);
    expect(readFileSync(join(folder, 'other.json'), 'utf8')).toBe('hello');
    const api = async (parameters: Readonly<Record<string, string>>) =>
      (await system.get('queries/perKind/windows', parameters)).body['parameter'];
    expect(await api({ mode: 'upsert' })).toBe('mode');
    expect(await api({ mode: 'append', status: 'all' })).toBe('status');
    expect(await api({ mode: 'update', order: 'ascending' })).toBe('order');
    expect(await api({ mode: 'complete', status: 'final' })).toBe('status');
  });
});

describe('tidemark delay', () => {
  const delay = async (...words: readonly string[]) => {
    const ended = await command([
      'delay',
      ...words,
      '--pipeline',
      pipeline,
      '--delays',
      '0,10min,2h',
      '--keep',
      '50%,100%',
      '--json',
    ]);
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  };

  it('says of a live stream what it says of its records in a file', async () => {
    const { port } = new URL(system.local.url);
    const events = [...[1, 2, 3, hourMs, 4, 2 * hourMs, 5].map((ms, i) => order(t0 + ms, 'abaaaab'.charAt(i)))];
    writeFileSync(join(folder, 'arrived.json'), events.join('\n'));
    const live = await delay('--port', port);
    expect(live).toEqual(await delay(join(folder, 'arrived.json')));
    // The last event missed its window, which closed at 1:30, by half an hour.
    expect(live.slice(-3)).toEqual([
      { keep: 0.5, delayMs: 0, eventsDelayMs: 0, queries: { perKind: 0 }, worst: null },
      {
        keep: 1,
        delayMs: hourMs / 2 + 1,
        eventsDelayMs: hourMs / 2 + 1,
        queries: { perKind: hourMs / 2 + 1 },
        worst: 'perKind',
      },
      { counters: { received: 7, wanted: 7, duplicate: 0, rejected: 0, filtered: 0 } },
    ]);
    expect(live[0]).toMatchObject({ delayMs: 0, late: 1 });
    expect((await delay('--port', port, '--sample', '6')).at(-1)).toMatchObject({ counters: { received: 6 } });
    expect((await delay('--port', port, '--from', new Date(Date.now() - hourMs).toISOString())).at(-1)).toMatchObject({
      counters: { received: 7 },
    });
  });

  it('refuses what does not fit together', async () => {
    for (const words of [
      [],
      ['x.json', '--port', '1'],
      ['--keep', '120%', '--port', '1'],
      ['--keep', 'most', '--port', '1'],
    ])
      expect((await command(['delay', ...words])).code, words.join(' ')).toBe(2);
  });
});
