import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRejections, joinedRejections } from '../../cli/static/rejections.ts';
import { good, lineFolder, testRejections } from '../fixtures/rejections.ts';
import { command } from '../fixtures/system/command-line.ts';

const { folder, file } = lineFolder();

testRejections(['batch', 'delay']);

describe('batch --rejected', () => {
  it('lists every rejected line with its file, its number and its text', async () => {
    // More lines than are shown. By their shape, the later ones would be read without their text.
    const wrong = (i: number) => `{"time": 1469498400.50, "action":${i}}`;
    const lines = [good, ...Array.from({ length: 20 }, (_, i) => wrong(i)), good, Buffer.from([0x22, 0xff])];
    const [first, second] = [file('first.json', lines), file('second.json', [good, '', 'no "json"'])];
    const list = join(folder, 'rejected.ndjson');
    const words = ['batch', first, second, '--pipeline', 'device-actions', '--json'];
    const listed = await command([...words, '--rejected', list]);
    const plain = await command([...words, '--max-rejected', '100%']);
    expect(listed.stdout).toBe(plain.stdout);
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
