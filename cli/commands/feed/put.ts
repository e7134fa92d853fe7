import type { NotPut } from '../../../functions/feeder/feeder.ts';
import { jsonLines } from '../../../functions/formats/json-lines.ts';
import { type ReadLine, readLines } from '../../../functions/formats/lines.ts';
import { unpackedBytes } from '../../../functions/sources/unpacked.ts';
import { feedOptions, openFeed } from '../../feeder/feed.ts';
import { formatNumber } from '../../print/number-text.ts';
import { type CommandProcess, defineCommand, flag, value } from '../../program/command.ts';
import { TidemarkError, UsageError } from '../../program/errors.ts';
import { type ListenAddress, listenAddress } from '../../program/option-value.ts';
import { type ClientLines, type LineServer, listenForLines, type Refusal } from '../../put/line-server.ts';
import { concludePut, putLive } from '../../put/put-live.ts';

type Feed = Awaited<ReturnType<typeof openFeed>>;

export default defineCommand({
  description:
    'Puts the JSON lines of standard input into a Kinesis stream as they come, at least once a second, until the input ends; or, with --listen, those of ' +
    'any number of TCP clients, until Ctrl-C.',
  options: {
    ...feedOptions,
    listen: value(
      '[host:]port',
      'take lines from TCP clients instead: of this machine only, unless another address of it is named',
      listenAddress,
    ),
    ack: flag('tell each client "ok N" once Kinesis has stored the first N lines of its connection (with --listen)'),
    json: flag('print what was put as one JSON object on stdout'),
  },
  examples: [
    ['tail -f app.log | tidemark put --port 4500', 'follow a log into the embedded AWS'],
    [`echo '{"time":1469501107,"action":"Open"}' | tidemark put --port 4500`, 'put one event'],
    ['nc feed.example.com 9999 | tidemark put --port 4500', 'take lines from a server'],
    ['tidemark put --listen 127.0.0.1:9999 --ack --port 4500', 'be a server, which answers once lines are stored'],
  ],
  async run({ options, process }) {
    const { listen, ack, json } = options;
    if (ack && listen === undefined) throw new UsageError('--ack answers clients: give --listen, too');
    const feed = await openFeed(options, process);
    const put =
      listen === undefined
        ? await putInput(feed, process)
        : await putClients(feed, { address: listen, answers: ack ? 'lines' : 'nothing' }, process);
    return concludePut(feed.streamName, put, json ? 'json' : 'text', process);
  },
});

async function putInput(feed: Feed, process: CommandProcess) {
  const input = process.stdin;
  let stopped: Error | undefined;
  const stop = (error?: Error) => {
    stopped = error;
    input.destroy(error);
  };
  const interrupted = () => stop();
  process.signal.addEventListener('abort', interrupted);
  try {
    return await putLive({
      label: 'stdin',
      feed,
      lines: () => readLines(inputLines(input, () => stopped)),
      stop,
      process,
    });
  } finally {
    process.signal.removeEventListener('abort', interrupted);
  }
}

/** Cuts input into lines. Errors about the bytes name their source, as errors about files do. */
async function* inputLines(input: AsyncIterable<Uint8Array>, stopped: () => Error | undefined): AsyncGenerator<Buffer> {
  try {
    yield* jsonLines(unpackedBytes(input));
  } catch (error) {
    if (!(error instanceof Error) || error === stopped() || 'syscall' in error) throw error;
    throw new TidemarkError(`standard input: ${error.message}`, { cause: error });
  }
}

interface Listening {
  readonly address: ListenAddress;
  readonly answers: 'lines' | 'nothing';
}

async function putClients(feed: Feed, { address, answers }: Listening, process: CommandProcess) {
  const { stderr } = process;
  const failed = new AbortController();
  const server = await listenForLines({
    ...address,
    acknowledge: answers,
    signal: AbortSignal.any([process.signal, failed.signal]),
    onHalfLine: (client, bytes) =>
      void stderr.write(`${client} hung up in the middle of a line: its ${formatNumber(bytes)} bytes are not put\n`),
    onForeign: (client, protocol) =>
      void stderr.write(
        `${client} speaks ${protocol}: nothing of it is put (send lines of JSON, or post to /v1/events)\n`,
      ),
  });
  stderr.write(`listening on ${server.address}\n`);
  if (!isLoopback(address.host)) stderr.write('whoever reaches this address can put events: there is no password\n');
  const refused: NotPut[] = [];
  const onNotPut = (line: NotPut): void => {
    refused.push(line);
    feed.onNotPut?.(line);
  };
  const lines = (flush: () => Promise<unknown>) =>
    clientLines(server, { flush, refused, answers, failed: failed.signal });
  try {
    // Lines that were read are put, also after Ctrl-C: the lines end by themselves then.
    return await putLive({
      label: 'socket',
      feed: { ...feed, onNotPut, signal: undefined },
      lines,
      stop: (error) => failed.abort(error),
      process,
    });
  } finally {
    await server.close();
  }
}

interface Course extends Pick<Listening, 'answers'> {
  readonly flush: () => Promise<unknown>;
  /** The lines that could not be put, by the numbers given here. */
  readonly refused: NotPut[];
  readonly failed: AbortSignal;
}

/**
 * The lines of all clients in one order. With acknowledgement, the lines that came during a call go with the next call
 * and are answered after it.
 */
async function* clientLines(
  server: LineServer,
  { flush, refused, answers, failed }: Course,
): AsyncGenerator<readonly ReadLine[]> {
  let number = 0;
  for (let batch = await server.take(); batch !== undefined; batch = await server.take()) {
    const begins = batch.map(({ lines }) => {
      const before = number;
      number += lines.length;
      return before;
    });
    for (const [i, { lines }] of batch.entries())
      yield lines.map((line, at) => ({ ...line, number: (begins[i] ?? 0) + at + 1 }));
    if (answers === 'lines') await flush();
    for (const [i, client] of batch.entries()) client.done(refusedOf(client, begins[i] ?? 0, refused));
    refused.length = 0;
  }
  if (failed.aborted) throw failed.reason;
}

/** The refused lines of a client, by the numbers that they have for the client. */
function refusedOf({ lines }: ClientLines, before: number, refused: readonly NotPut[]): readonly Refusal[] {
  return refused.flatMap(({ number, bytes }) => {
    const line = lines[number - before - 1];
    return line === undefined
      ? []
      : [{ number: line.number, reason: `${bytes} bytes, and a Kinesis record holds at most 1 MiB with its key` }];
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
