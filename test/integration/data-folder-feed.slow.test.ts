import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../fixtures/local/start.ts';
import { command, type Ended, launch } from '../fixtures/system/command-line.ts';

const root = mkdtempSync(join(tmpdir(), 'tidemark-feed-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const file = join(root, 'events.jsonl');
const events = Array.from(
  { length: 500 },
  (_, i) => `${JSON.stringify({ time: 1_469_501_107 + i, action: i % 2 ? 'Open' : 'Close' })}\n`,
).join('');
/** A data folder in which the file was streamed to its end. */
const whole = join(root, 'whole');
let first: Ended;
let folders = 0;

const stream = (data: string) => command(['stream', file, '--data', data, '--resume', '--json']);

function copyOf(folder: string): string {
  const copy = join(root, `${folders++}`);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

beforeAll(async () => {
  writeFileSync(file, events);
  first = await stream(whole);
  expect(first.code).toBe(0);
});

describe("a data folder's own notes of its feed", () => {
  it.each([
    ['the stream, the tables and the checkpoints', ['kinesis', 'dynamodb', 'checkpoints.json']],
    ['the stream', ['kinesis']],
    ['the tables', ['dynamodb']],
    ['the stream and the tables', ['kinesis', 'dynamodb']],
    ['the stream and the checkpoints', ['kinesis', 'checkpoints.json']],
    ['the notes themselves', ['feed.json']],
  ])('are refused without %s', async (_name, lost) => {
    const folder = copyOf(whole);
    for (const part of lost) rmSync(join(folder, part), { recursive: true });
    const { code, stdout, stderr } = await stream(folder);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^tidemark: [^\n]*(restore|another|empty)[^\n]*\n$/);
  });

  it.each([
    [
      'when they are from before anything was put',
      (folder: string) => {
        const notes = JSON.parse(readFileSync(join(folder, 'feed.json'), 'utf8')) as object;
        writeFileSync(join(folder, 'feed.json'), JSON.stringify({ ...notes, filesDone: 0, positions: {} }));
      },
    ],
    ['when the checkpoints are lost', (folder: string) => rmSync(join(folder, 'checkpoints.json'))],
    [
      'when they are, and the tables and checkpoints are lost',
      (folder: string) => {
        const notes = JSON.parse(readFileSync(join(folder, 'feed.json'), 'utf8')) as object;
        writeFileSync(join(folder, 'feed.json'), JSON.stringify({ ...notes, filesDone: 0, positions: {} }));
        for (const part of ['dynamodb', 'checkpoints.json']) rmSync(join(folder, part), { recursive: true });
      },
    ],
  ])('lead to the same rows %s', async (_name, damage) => {
    const folder = copyOf(whole);
    damage(folder);
    const again = await stream(folder);
    expect(again.code).toBe(0);
    const rows = ({ stdout }: Ended) => stdout.split('\n').filter((line) => line.includes('"query"'));
    expect(rows(again)).toEqual(rows(first));
  });

  it('are refused for a watched folder whose consumed files are forgotten', async () => {
    const [watched, data] = [join(root, 'watched'), join(root, 'watched-data')];
    mkdirSync(watched);
    cpSync(file, join(watched, 'events.jsonl'));
    const watch = () => launch(['stream', '--watch', watched, '--data', data, '--resume']);
    const running = watch();
    const feed = join(data, 'feed.json');
    await until(
      () => existsSync(feed) && (JSON.parse(readFileSync(feed, 'utf8')) as { filesDone: number }).filesDone > 0,
    );
    running.child.kill('SIGINT');
    await running.ended;
    rmSync(join(data, 'consumed.ndjson'));
    const again = watch();
    let hasEnded = false;
    void again.ended.then(() => {
      hasEnded = true;
    });
    await until(() => hasEnded || existsSync(join(data, 'consumed.ndjson')));
    // A start that should have been refused ends here, and the expectations below fail.
    again.child.kill('SIGINT');
    const { code, stderr } = await again.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tidemark: [^\n]*consumed\.ndjson names 0 of 1[^\n]*\n$/);
  });
});
