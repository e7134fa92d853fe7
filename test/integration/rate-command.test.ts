import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { foldStream } from '../../cli/backfill/stream-history.ts';
import { loadPipeline } from '../../cli/program/pipeline-file.ts';
import { readCoverage } from '../../functions/feeder/coverage.ts';
import { kinesisServer } from '../fixtures/kinesis-server.ts';
import { command } from '../fixtures/system/command-line.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-rate-'));
const { kinesis, port, createStream, close } = await kinesisServer();

afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

describe('rate', () => {
  it('puts into the stream of its pipeline what it would print, and its pipeline counts all of it', async () => {
    const streamName = await createStream('tidemark-rate');
    const words = [
      'rate',
      '--events',
      '5000',
      '--unpaced',
      '--start',
      '2016-01-01T00:00:00Z',
      '--seed',
      '7',
      '--disorder',
      '5s',
      '--late',
      '1%',
    ];
    const printed = await command(words);
    const lines = printed.stdout.trimEnd().split('\n');
    expect([printed.code, lines.length]).toEqual([0, 5000]);
    expect((await command(words)).stdout).toBe(printed.stdout);
    const put = await command([...words, '--endpoint', `http://127.0.0.1:${port}`, '--json']);
    expect(JSON.parse(put.stdout)).toMatchObject({ put: { stream: streamName, eventsPut: 5000 } });
    const pipeline = await loadPipeline('rate');
    const { counters, windows } = await foldStream({
      kinesis,
      streamName,
      pipeline,
      signal: new AbortController().signal,
      nowMs: Date.now(),
      onProgress: () => undefined,
    });
    expect(counters).toMatchObject({ received: 5000, counted: 5000 });
    const sum = lines.reduce((total, line) => total + (JSON.parse(line) as { value: number }).value, 0);
    expect(windows.flatMap(({ rows }) => rows).reduce((total, { values }) => total + Number(values['sum']), 0)).toBe(
      sum,
    );
  });

  it('is called wrongly in one line: without an end, with a share or a shape that is none', async () => {
    for (const [words, said] of [
      [['--unpaced'], '--events'],
      [['--late', '101%'], '--late'],
      [['--shape', 'square'], '--shape'],
      [['--period', '0'], '--period'],
    ] as const) {
      const { code, stderr } = await command(['rate', ...words]);
      expect([code, stderr.trimEnd().split('\n').length, stderr.includes(said)]).toEqual([2, 1, true]);
    }
  });
});

describe('replay of files that have to be read through first', () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `{"time":${1_469_500_000 + i},"action":"Open"}\n`).join('');
  const file = (name: string, bytes: string | Uint8Array): string => {
    writeFileSync(path.join(folder, name), bytes);
    return path.join(folder, name);
  };

  it('puts nothing of any file when one of them is broken, and after it was mended each event once', async () => {
    const streamName = await createStream('broken');
    const packed = gzipSync(lines);
    const files = [
      file('a.json', lines),
      file('b.json.gz', packed.subarray(0, packed.length - 1)),
      file('c.csv', 'time,action\n1469500000,Close\n'),
    ];
    const words = ['replay', ...files, '--stream', streamName, '--port', String(port), '--json'];
    expect(await command(words)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('b.json.gz: broken gzip after'),
    });
    expect((await readCoverage({ kinesis, streamName })).records).toBe(0);
    file('b.json.gz', packed);
    expect(JSON.parse((await command(words)).stdout)).toMatchObject({
      put: { eventsPut: 2001, bytesRead: lines.length + packed.length + 29 },
    });
    expect(JSON.parse((await command([...words, '--resume'])).stdout)).toMatchObject({
      put: { eventsPut: 0, skipped: 2001 },
    });
  });
});
