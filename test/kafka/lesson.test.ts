import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { command, type Ended } from '../fixtures/system/command-line.ts';
import { printedCounters } from '../fixtures/system/printed-counters.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-lesson-'));
const topic = `lesson-${randomUUID()}`;
let files: readonly string[];
let kafka: readonly string[];
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  await command(['sample', 'open-close', '--out', folder, '--clean', '--events', '4000', '--files', '8']);
  files = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  kafka = ['--source', 'kafka', '--bootstrap-servers', inject('broker'), '--topic', topic];
});

/** The rows, unchanged, and the rest of the line behind them. */
function read({ code, stdout, stderr }: Ended) {
  expect(code, stderr).toBe(0);
  return { rows: stdout, last: printedCounters(stderr) };
}

it('prints the same bytes with a topic as the stream as with Kinesis, and the same counters', async () => {
  const words = ['stream', ...files, '--shards', '3', '--max-files-per-trigger', '2', '--json'];
  const byKinesis = read(await command(words));
  const byKafka = read(await command([...words, ...kafka]));
  expect(byKafka.rows.split('\n').length).toBeGreaterThan(90);
  expect(byKafka.rows).toBe(byKinesis.rows);
  expect(byKafka.last.conservation).toEqual({
    received: 4000,
    counted: 4000,
    late: 0,
    duplicate: 0,
    rejected: 0,
    filtered: 0,
  });
  expect(byKafka.last.conservation).toEqual(byKinesis.last.conservation);
});

it('is refused over a topic that holds records, which would be counted again', async () => {
  const { code, stdout, stderr } = await command(['stream', ...files, ...kafka]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^tidemark: --topic: [^\n]*4000[^\n]*\n$/);
});
