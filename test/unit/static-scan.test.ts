import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inputFiles } from '../../cli/input/input-file.ts';
import { unitsOf } from '../../cli/static/pieces.ts';
import { createReadBuffer, scanLines } from '../../cli/static/scan.ts';
import { recordLimitBytes } from '../../functions/formats/lines.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-scan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Seen {
  readonly lines: string[];
  readonly numbers: number[];
  readonly tooLong: number[];
  count: number;
}

/**
 * Scans the ranges between the cuts one by one.
 * @param way quick: every other line whose end is in the buffer is taken the quick way, as a shape would take it
 */
function scan(
  content: string | Buffer,
  cuts: readonly number[],
  bufferBytes: number,
  way: 'plain' | 'quick' = 'plain',
): Seen {
  const file = path.join(folder, 'input');
  writeFileSync(file, content);
  const size = Buffer.byteLength(content);
  const seen: Seen = { lines: [], numbers: [], tooLong: [], count: 0 };
  const fd = openSync(file, 'r');
  const buffer = createReadBuffer(bufferBytes);
  const edges = [0, ...cuts, size];
  for (let i = 0; i + 1 < edges.length; i++) {
    const extent = { from: edges[i] ?? 0, to: edges[i + 1] ?? size, seekable: true };
    const before = seen.count;
    seen.count += scanLines(fd, extent, buffer, {
      quick(bytes, from, to, number) {
        const end = bytes.indexOf(10, from);
        if (way === 'plain' || number % 2 === 0 || end < 0 || end >= to || (bytes[from] ?? 0) <= 32) return -1;
        seen.lines.push(bytes.toString('utf8', from, end).replace(/\r$/, ''));
        seen.numbers.push(before + number);
        return end;
      },
      line(bytes, from, to, number) {
        seen.lines.push(bytes.toString('utf8', from, to));
        seen.numbers.push(before + number);
      },
      tooLong: (number) => void seen.tooLong.push(before + number),
    });
  }
  closeSync(fd);
  return seen;
}

const mixed = 'first\nsecond line\r\n\n  \t\nfünfte\n\r\nseventh, a bit longer than the buffer\nlast';
const expected = {
  lines: ['first', 'second line', 'fünfte', 'seventh, a bit longer than the buffer', 'last'],
  numbers: [1, 2, 5, 7, 8],
};

test.each(['plain', 'quick'] as const)(
  'a file cut in two at any byte gives each line once, with its number (%s)',
  (way) => {
    for (const bufferBytes of [1, 2, 7, 64, 4096]) {
      for (let cut = 0; cut <= Buffer.byteLength(mixed); cut++) {
        const { lines, numbers, count } = scan(mixed, [cut], bufferBytes, way);
        expect({ cut, lines, numbers, count }).toEqual({ cut, ...expected, count: 8 });
      }
    }
  },
);

test('a file cut between all its bytes gives each line once', () => {
  const cuts = Array.from({ length: Buffer.byteLength(mixed) - 1 }, (_, i) => i + 1);
  expect(scan(mixed, cuts, 16)).toMatchObject({ ...expected, count: 8 });
});

test.each([
  ['nothing', '', [], 0],
  ['only blank lines', '\n\r\n \n', [], 3],
  ['a last line without an end', 'a', ['a'], 1],
  ['a last line with an end', 'a\n', ['a'], 1],
  ['a carriage return inside a line', 'a\rb\n', ['a\rb'], 1],
])('%s is read as lines', (_, content, lines, count) => {
  expect(scan(content, [], 8)).toMatchObject({ lines, count });
});

test('a line longer than a Kinesis record is reported and the lines around it are read', () => {
  const long = 'x'.repeat(recordLimitBytes + 1);
  const seen = scan(`a\n${long}\nb\r\n${long.slice(1)}\nc\n${long}${long}${long}`, [], 64 * 1024);
  expect(seen.tooLong).toEqual([2, 6]);
  expect(seen.lines.map((line) => line.length)).toEqual([1, 1, recordLimitBytes, 1]);
  expect(seen.numbers).toEqual([1, 3, 4, 5]);
});

test('units hold every byte of every file once, in order, and no more than asked for', () => {
  const names = [0, 1, 999, 1000, 1001, 5000, 3].map((bytes, i) => {
    const file = path.join(folder, `part-${i}`);
    writeFileSync(file, 'x'.repeat(bytes));
    return file;
  });
  const files = inputFiles(names);
  const units = unitsOf(files, 1000);
  for (const unit of units) expect(unit.reduce((sum, { from, to }) => sum + to - from, 0)).toBeLessThanOrEqual(1000);
  for (const [file, { bytes }] of files.entries()) {
    const pieces = units.flat().filter((piece) => piece.file === file);
    expect(pieces.reduce((at, { from, to }) => (from === at ? to : Number.NaN), 0)).toBe(bytes);
  }
  const order = units.flat().map(({ file, from }) => file * 1e6 + from);
  expect(order).toEqual(order.toSorted((left, right) => left - right));
});
