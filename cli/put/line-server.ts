import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type ReadLine, readLines } from '../../functions/formats/lines.ts';
import { opening } from './opening.ts';
import { wholeLines } from './whole-lines.ts';

/** Lines of one client that came together. */
export interface ClientLines {
  readonly lines: readonly ReadLine[];
  /** Tells the client, if it is to be told, that these lines are stored except for the refused ones. */
  done(refused: readonly Refusal[]): void;
}

/** A line that can never be stored, by its number in the connection, from 1. */
export interface Refusal {
  readonly number: number;
  readonly reason: string;
}

/** Takes lines over TCP from many clients. */
export interface LineServer {
  /** The address that it listens on, such as `127.0.0.1:9999`. */
  readonly address: string;
  /**
   * The lines of all clients that have come since it was asked last; it waits for some. Undefined once it was told to
   * end and all lines that were read are taken.
   */
  take(): Promise<readonly ClientLines[] | undefined>;
  /** Hangs up. */
  close(): Promise<void>;
}

/** The options of a server: its address, and the listeners that it tells. */
export interface LineServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** `lines`: clients are told what is stored, `ok N` for their first N lines, and `refused N: REASON`. */
  readonly acknowledge: 'lines' | 'nothing';
  /** Aborted: nobody is listened to any more; lines that were read are still given out. */
  readonly signal: AbortSignal;
  /** Hears of a line that a connection broke off in; the line is not taken. */
  readonly onHalfLine: (client: string, bytes: number) => void;
  /** Hears of a client that speaks another protocol, such as a web page; nothing of it is taken. */
  readonly onForeign: (client: string, protocol: string) => void;
}

const mostClients = 1000;

/**
 * Listens for lines. A client is read on only when its lines before were taken. So TCP slows down a client that sends
 * faster than the stream takes, and memory stays bounded.
 * @throws the system's error when the port is in use
 */
export async function listenForLines(options: LineServerOptions): Promise<LineServer> {
  const { signal } = options;
  let queue: ClientLines[] = [];
  let wake = (): void => undefined;
  let reading = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    reading += 1;
    void readClient(socket, options, (lines) => {
      queue.push(lines);
      wake();
    }).finally(() => {
      reading -= 1;
      wake();
    });
  });
  server.maxConnections = mostClients;
  server.listen(options.port, options.host);
  await once(server, 'listening');
  signal.addEventListener('abort', () => {
    server.close();
    wake();
  });
  return {
    address: addressOf(server),
    async take() {
      while (queue.length === 0) {
        if (signal.aborted && reading === 0) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const taken = queue;
      queue = [];
      return taken;
    },
    async close() {
      for (const socket of sockets) socket.destroySoon();
      if (server.listening) server.close();
    },
  };
}

/** Gives out what a client sends, a piece at a time, and hangs up when all of it is acknowledged. */
async function readClient(
  socket: Socket,
  options: LineServerOptions,
  give: (lines: ClientLines) => void,
): Promise<void> {
  const { acknowledge, signal, onHalfLine, onForeign } = options;
  const client = `${socket.remoteAddress}:${socket.remotePort}`;
  const opened = await opening(chunksOf(socket, signal));
  if (opened.kind === 'foreign') {
    onForeign(client, opened.protocol);
    // A browser shows this answer; a client that speaks TLS hangs up.
    socket.end(
      'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nlines of JSON, not HTTP\n',
    );
    return;
  }
  const chunks = wholeLines(opened.chunks, (bytes) => onHalfLine(client, bytes));
  const answer = answers(socket, acknowledge);
  for await (const lines of readLines(chunks)) {
    const last = lines.at(-1)?.number ?? 0;
    await new Promise<void>((resolve) => {
      give({
        lines,
        done(refused) {
          answer(last, refused);
          resolve();
        },
      });
    });
  }
  socket.end();
}

/**
 * The bytes of a client. They end, without an error, when the client hangs up in whatever way, or the signal is
 * aborted. The socket stays open for the answers that are still to be sent.
 */
async function* chunksOf(socket: Socket, signal: AbortSignal): AsyncGenerator<Buffer> {
  const iterator: AsyncIterator<Buffer> = socket.iterator({ destroyOnReturn: false });
  const aborted = new Promise<{ readonly done: true }>((resolve) => {
    if (signal.aborted) resolve({ done: true });
    signal.addEventListener('abort', () => resolve({ done: true }));
  });
  for (;;) {
    const next = await Promise.race([iterator.next().catch(() => ({ done: true as const })), aborted]);
    if (next.done) return;
    yield next.value;
  }
}

/**
 * Tells a client how many lines are stored. The numbers only grow, so only the last one is kept for a client that does
 * not listen.
 */
function answers(
  socket: Socket,
  acknowledge: LineServerOptions['acknowledge'],
): (last: number, refused: readonly Refusal[]) => void {
  let owed: number | undefined;
  const tell = (last: number): void => {
    if (socket.destroyed || !socket.writable) return;
    if (socket.writableNeedDrain) {
      if (owed === undefined) socket.once('drain', () => tell(owed ?? last));
      owed = last;
      return;
    }
    owed = undefined;
    socket.write(`ok ${last}\n`);
  };
  return (last, refused) => {
    if (acknowledge === 'nothing') return;
    for (const { number, reason } of refused) if (socket.writable) socket.write(`refused ${number}: ${reason}\n`);
    tell(last);
  };
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return String(address);
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
