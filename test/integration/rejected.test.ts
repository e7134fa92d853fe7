import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createRejections, joinedRejections } from '../../cli/static/rejections.ts';
import { command } from '../fixtures/system/command-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-rejected-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = '{"time":1469498400,"action":"Open"}';
function file(name: string, lines: readonly (string | Buffer)[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])));
  return path;
}

describe.each(['batch', 'stream', 'delay'] as const)('%s', (name) => {
  const run = (...words: readonly string[]) => command([name, ...words, '--pipeline', 'device-actions', '--json']);

  it('ends with exit code 1 and the commonest reason when all events are rejected', async () => {
    const wrong = '{"time":1469498400,"acton":"Open"}';
    const { code, stderr } = await run(file(`${name}-all.json`, ['nonsense', wrong, wrong]), '--max-rejected', '100%');
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^tidemark: .*\b3\b.*\bschema\b.*\b2\b.*action/);
  });

  it('ends with exit code 1 above the share that may be rejected, and 0 at it', async () => {
    const half = file(`${name}-half.json`, [good, 'nonsense']);
    expect(await run(half)).toMatchObject({ code: 0 });
    const ended = await run(half, '--max-rejected', '49.9%');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/tidemark: .*50 %.*--max-rejected 49\.9 %.*unparsable/);
    expect(ended.stdout).not.toBe('');
  });

  it('says nothing of an input without events', async () => {
    const { code, stderr } = await run(file(`${name}-empty.json`, ['']));
    expect(code).toBe(0);
    expect(stderr).not.toContain('rejected, ');
  });

  it('names a share that is none', async () => {
    expect(await run('some.json', '--max-rejected', 'half')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--max-rejected.*0\.1%.*"half"/),
    });
  });
});

describe('batch --rejected', () => {
  it('lists every rejected line with its file, its number and its text', async () => {
    // More lines than are shown; by their shape the later ones would be read without their text.
    const wrong = (i: number) => `{"time": 1469498400.50, "action":${i}}`;
    const lines = [good, ...Array.from({ length: 20 }, (_, i) => wrong(i)), good, Buffer.from([0x22, 0xff])];
    const [first, second] = [file('first.json', lines), file('second.json', [good, '', 'no "json"'])];
    const list = join(folder, 'rejected.ndjson');
    const words = ['batch', first, second, '--pipeline', 'device-actions', '--json'];
    const listed = await command([...words, '--rejected', list]);
    const plain = await command([...words, '--max-rejected', '100%']);
    const rows = (text: string) => text.split('\n').slice(0, -2);
    expect(rows(listed.stdout)).toEqual(rows(plain.stdout));
    const rejected = readFileSync(list, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rejected.map(({ file: path, line, reason, text }) => [path, line, reason, text])).toEqual([
      ...Array.from({ length: 20 }, (_, i) => [first, i + 2, 'schema', wrong(i)]),
      [first, 23, 'encoding', '"\ufffd'],
      [second, 3, 'unparsable', 'no "json"'],
    ]);
  });

  it('does not write over a file that is there', async () => {
    const input = file('input.json', [good]);
    const ended = await command(['batch', input, '--pipeline', 'device-actions', '--rejected', input]);
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`--rejected ${input}`) });
    expect(readFileSync(input, 'utf8')).toBe(`${good}\n`);
  });
});

it('the reasons of several workers are added up, each with its first example', () => {
  const workers = [
    [
      { at: 3, reason: 'schema' },
      { at: 5, reason: 'future' },
    ],
    [
      { at: 1, reason: 'schema' },
      { at: 4, reason: 'schema' },
    ],
  ].map((lines) => {
    const log = createRejections<{ readonly at: number; readonly reason: string }>();
    for (const line of lines) log.note(line);
    return log;
  });
  const { rejected, reasons } = joinedRejections(workers, (left, right) => left.at - right.at);
  expect(rejected.map(({ at }) => at)).toEqual([1, 3, 4, 5]);
  expect(reasons).toEqual([
    { reason: 'schema', count: 3, example: { at: 1, reason: 'schema' } },
    { reason: 'future', count: 1, example: { at: 5, reason: 'future' } },
  ]);
});
