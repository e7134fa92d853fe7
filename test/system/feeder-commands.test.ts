import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCoverage } from '../../functions/feeder/coverage.ts';
import { partitionKeyHash } from '../../functions/feeder/hash-range.ts';
import { kinesisServer } from '../fixtures/kinesis-server.ts';

const launcher = path.resolve(import.meta.dirname, '../../cli/tidemark.mjs');
const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-feed-'));
const { kinesis, port, createStream, close } = await kinesisServer();

afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

function start(...args: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [launcher, ...args, '--endpoint', `http://127.0.0.1:${port}`], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder },
  });
}

async function finished(
  child: ChildProcessWithoutNullStreams,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

function write(name: string, content: string): string {
  writeFileSync(path.join(folder, name), content);
  return name;
}

const events = (count: number) =>
  Array.from({ length: count }, (_, index) => `{"time":${1469501107 + index},"action":"Open"}\n`).join('');

describe('replay', () => {
  it('puts files into the stream of the pipeline, and with --resume nothing twice', async () => {
    await createStream('tidemark-device-actions');
    const files = [write('one.json', events(700)), write('two.json', events(800))];
    const first = await finished(start('replay', files[0] ?? '', '--json'));
    expect(first).toMatchObject({ code: 0 });
    expect(JSON.parse(first.stdout)).toMatchObject({
      put: { stream: 'tidemark-device-actions', eventsPut: 700, skipped: 0 },
    });
    const second = await finished(start('replay', ...files, '--json', '--resume'));
    expect(JSON.parse(second.stdout)).toMatchObject({ put: { eventsPut: 800, skipped: 700 } });
    const coverage = await readCoverage({ kinesis, streamName: 'tidemark-device-actions' });
    expect([
      coverage.covers('one.json', 700),
      coverage.covers('two.json', 800),
      coverage.covers('two.json', 801),
    ]).toEqual([true, true, false]);
  });

  it('puts by the key of a pipeline that lies anywhere, bundled on the fly', async () => {
    await createStream('tidemark-keyed');
    const pipeline = write(
      'keyed.ts',
      `import { count, definePipeline, tumbling } from 'tidemark';
       import { z } from 'zod';
       export default definePipeline({
         name: 'keyed',
         event: z.object({ time: z.number(), action: z.string() }),
         eventTime: { of: (event) => event.time, unit: 's' },
         partitionKey: (event) => event.action,
         watermark: { delay: '1 hour' },
         queries: { all: { window: tumbling('1 hour'), aggregates: { count: count() } } },
       });`,
    );
    const { code } = await finished(start('replay', write('keyed.json', events(20)), '--pipeline', pipeline));
    expect(code).toBe(0);
    const coverage = await readCoverage({ kinesis, streamName: 'tidemark-keyed' });
    expect([coverage.covers('keyed.json', 20, partitionKeyHash('Open')), coverage.covers('keyed.json', 20)]).toEqual([
      true,
      false,
    ]);
    expect(coverage.records).toBe(1);
  });

  it('goes at the rate it is told, and stops cleanly at Ctrl-C with what it has put', async () => {
    const streamName = await createStream('slow');
    const child = start('replay', write('slow.json', events(5000)), '--stream', streamName, '--rate', '50', '--json');
    const end = finished(child);
    while ((await readCoverage({ kinesis, streamName })).records < 2) expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    const { code, stdout } = await end;
    expect(code).toBe(130);
    const { put } = JSON.parse(stdout);
    const coverage = await readCoverage({ kinesis, streamName });
    expect(put.eventsPut).toBeLessThan(5000);
    expect([coverage.covers('slow.json', put.eventsPut), coverage.covers('slow.json', put.eventsPut + 1)]).toEqual([
      true,
      false,
    ]);
  });

  it('ends with exit code 1 and the place of a line that is too long for Kinesis', async () => {
    const stream = await createStream('long');
    const file = write('long.json', `{}\n"${'x'.repeat(1_100_000)}"\n{}\n`);
    const { code, stdout, stderr } = await finished(start('replay', file, '--stream', stream, '--json'));
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ put: { eventsPut: 2, notPut: 1 } });
    expect(stderr).toContain('long.json:2');
  });

  it('says which stream is missing, on one line', async () => {
    const { code, stderr } = await finished(start('replay', write('nowhere.json', '{}\n'), '--stream', 'not-there'));
    expect(code).toBe(1);
    expect(stderr.split('\n').filter((line) => line.startsWith('tidemark: '))).toEqual([
      expect.stringContaining('not-there'),
    ]);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});

describe('put', () => {
  it('puts what it has while its input is still open, and the rest at its end', async () => {
    const streamName = await createStream('piped');
    const child = start('put', '--stream', streamName, '--json');
    const end = finished(child);
    child.stdin.write('{"n":1}\n{"n":2}\n');
    while ((await readCoverage({ kinesis, streamName })).records === 0) expect(child.exitCode).toBeNull();
    child.stdin.end('{"n":3}');
    const { code, stdout } = await end;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ put: { eventsPut: 3 } });
  });

  it('stops cleanly at Ctrl-C: what it has is stored, the exit code is 130', async () => {
    const streamName = await createStream('interrupted');
    const child = start('put', '--stream', streamName, '--json');
    const end = finished(child);
    child.stdin.write('{"n":1}\n');
    while ((await readCoverage({ kinesis, streamName })).records === 0) expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    const { code, stdout } = await end;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ put: { eventsPut: 1 } });
  });

  it('ends by itself when its stream goes wrong while the input stays open', async () => {
    const child = start('put', '--stream', 'not-there-either');
    const end = finished(child);
    child.stdin.on('error', () => undefined);
    child.stdin.write('{"n":1}\n');
    const { code, stderr } = await end;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tidemark: .*not-there-either/m);
  });
});
