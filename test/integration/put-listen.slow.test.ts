import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { foldStream } from '../../cli/backfill/stream-history.ts';
import { loadPipeline } from '../../cli/program/pipeline-file.ts';
import { kinesisServer } from '../fixtures/kinesis-server.ts';
import { launch, type Running } from '../fixtures/system/command-line.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-listen-'));
const { kinesis, port: kinesisPort, createStream, close } = await kinesisServer();

const pipelineFile = path.join(folder, 'once.ts');
writeFileSync(
  pipelineFile,
  `import { count, definePipeline, tumbling } from 'tidemark';
   import { z } from 'zod';
   export default definePipeline({
     name: 'once',
     event: z.object({ time: z.number(), id: z.string() }),
     eventTime: { of: (event) => event.time, unit: 's' },
     dedup: { by: (event) => event.id, within: '1 hour' },
     watermark: { delay: '1 hour' },
     queries: { all: { window: tumbling('1 hour'), aggregates: { count: count() } } },
   });`,
);

afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true });
});

async function listening(some: Server): Promise<number> {
  some.listen(0, '127.0.0.1');
  await once(some, 'listening');
  return (some.address() as AddressInfo).port;
}

/** The counters of the pipeline over the records of the stream. */
async function counted(streamName: string) {
  const pipeline = await loadPipeline(pipelineFile);
  const { counters } = await foldStream({
    kinesis,
    streamName,
    pipeline,
    signal: new AbortController().signal,
    nowMs: Date.now(),
    onProgress: () => undefined,
  });
  return counters;
}

/** `tidemark put --listen`, and the port on which it listens. */
async function listen(
  streamName: string,
  ...words: readonly string[]
): Promise<{ readonly running: Running; readonly port: number }> {
  const running = launch([
    'put',
    '--listen',
    '0',
    '--stream',
    streamName,
    '--pipeline',
    pipelineFile,
    '--json',
    ...words,
  ]);
  const { stderr } = running.child;
  if (stderr === null) throw new Error('no stderr');
  for await (const line of createInterface(stderr)) {
    const port = /^listening on 127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) return { running, port: Number(port) };
  }
  throw new Error((await running.ended).stderr);
}

async function client(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Reads answers until one of them equals this one. */
async function answered(socket: Socket, last: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of createInterface(socket)) {
    lines.push(line);
    if (line === last) break;
  }
  return lines;
}

const event = (id: string) => `${JSON.stringify({ time: 1_469_501_107, id })}\n`;
const events = (name: string, count: number) => Array.from({ length: count }, (_, i) => event(`${name}-${i}`)).join('');

describe('put --listen', () => {
  it('takes the lines of several clients, answers each once they are stored, and ends cleanly at Ctrl-C', async () => {
    const streamName = await createStream('several');
    const { running, port } = await listen(streamName, '--ack', '--port', String(kinesisPort));
    const clients = await Promise.all([client(port), client(port), client(port)]);
    for (const [i, socket] of clients.entries()) socket.write(`\n${events(`c${i}`, 2000)}`);
    for (const socket of clients) expect((await answered(socket, 'ok 2001')).at(-1)).toBe('ok 2001');
    expect(await counted(streamName)).toMatchObject({ received: 6000, counted: 6000 });
    const idle = await client(port);
    running.child.kill('SIGINT');
    const [{ code, stdout }] = await Promise.all([running.ended, once(idle.resume(), 'close')]);
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ put: { stream: streamName, eventsPut: 6000 } });
  });

  it('puts no half of a line of a client that died in the middle of it, and a last line without an end when it is a whole event', async () => {
    const streamName = await createStream('half');
    const { running, port } = await listen(streamName, '--port', String(kinesisPort));
    const code = `const socket = require('node:net').connect(${port}, '127.0.0.1', () => socket.write(${JSON.stringify(events('dying', 3))} + '{"time":14695011', () => process.kill(process.pid, 'SIGKILL')));`;
    await once(spawn(process.execPath, ['-e', code]), 'exit');
    const polite = await client(port);
    polite.end(event('polite').trim());
    await once(polite.resume(), 'close');
    while ((await counted(streamName)).received < 4) expect(running.child.exitCode).toBeNull();
    running.child.kill('SIGINT');
    const { stdout, stderr } = await running.ended;
    expect(stderr).toMatch(/^127\.0\.0\.1:\d+ hung up in the middle of a line: its 16 bytes are not put$/m);
    expect(JSON.parse(stdout)).toMatchObject({ put: { eventsPut: 4 } });
    expect(await counted(streamName)).toMatchObject({ received: 4, counted: 4, rejected: 0 });
  });

  it('says which line Kinesis cannot take, and goes on', async () => {
    const streamName = await createStream('too-long');
    const { running, port } = await listen(streamName, '--ack', '--port', String(kinesisPort));
    const socket = await client(port);
    socket.write(`${event('a')}"${'x'.repeat(1_100_000)}"\n${event('b')}`);
    const answers = await answered(socket, 'ok 3');
    expect(answers.filter((line) => line.startsWith('refused'))).toEqual([
      expect.stringMatching(/^refused 2: 1100002 bytes/),
    ]);
    running.child.kill('SIGINT');
    await running.ended;
    expect(await counted(streamName)).toMatchObject({ received: 2, counted: 2 });
  });

  it('is at least once when it is killed between the put and its acknowledgement, and with dedup each event counts once', async () => {
    const streamName = await createStream('killed');
    let child: Running['child'] | undefined;
    // Kinesis stores the records, but its answer never comes. The process that waits for it is killed.
    const proxy = createServer((incoming, outgoing) => {
      const isPut = String(incoming.headers['x-amz-target']).endsWith('PutRecords');
      const forwarded = request(
        {
          port: kinesisPort,
          host: '127.0.0.1',
          method: incoming.method,
          path: incoming.url,
          headers: incoming.headers,
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            if (isPut) child?.kill('SIGKILL');
            else outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(Buffer.concat(chunks));
          });
        },
      );
      incoming.pipe(forwarded);
    });
    const proxyPort = await listening(proxy);
    const first = await listen(streamName, '--ack', '--endpoint', `http://127.0.0.1:${proxyPort}`);
    child = first.running.child;
    const lines = events('again', 50);
    const cut = await client(first.port);
    cut.write(lines);
    expect(await answered(cut, 'ok 50')).toEqual([]);
    await first.running.ended;
    expect((await counted(streamName)).received).toBe(50);
    const second = await listen(streamName, '--ack', '--port', String(kinesisPort));
    const again = await client(second.port);
    again.write(lines);
    expect((await answered(again, 'ok 50')).at(-1)).toBe('ok 50');
    second.running.child.kill('SIGINT');
    await second.running.ended;
    expect(await counted(streamName)).toEqual({
      received: 100,
      counted: 50,
      late: 0,
      duplicate: 50,
      rejected: 0,
      filtered: 0,
    });
    proxy.closeAllConnections();
    proxy.close();
  });

  it('is called wrongly with an address that is none, or with --ack alone', async () => {
    expect(await launch(['put', '--listen', '1:2:3', '--port', '1']).ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--listen'),
    });
    expect(await launch(['put', '--ack', '--port', '1']).ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--listen'),
    });
  });
});
