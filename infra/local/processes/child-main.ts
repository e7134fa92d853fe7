import { isDiskFull, LocalError, messageOf, systemCode } from '../account/local-error.ts';
import { failRequest } from '../gateway/request-under-way.ts';
import type { FromChild, Ports, ToChild } from './child-messages.ts';

/** A running child: the ports that it serves, and its end. */
export interface RunningChild {
  readonly ports: Ports;
  /** Finishes the work in flight, for a bounded time. */
  stop(): Promise<void>;
}

/** The messages of a child to its parent while it runs. */
export interface ParentLink {
  /** Keeps a value (JSON) with the parent. The newest value is given back when this child is started anew. */
  remember(memo: unknown): void;
  /** Ends this process for good: the parent reports the error and does not start the process anew. */
  fail(error: unknown): void;
}

/**
 * The main function of a child process. The process ends with its parent, however the parent ended: the operating
 * system closes the channel between them, after a `kill -9` too. Ctrl-C, and the end of a terminal, reach the whole
 * process group, but only the parent acts on them.
 */
export function runChild<Options>(
  title: string,
  start: (options: Options, parent: ParentLink) => Promise<RunningChild>,
): void {
  process.title = `tidemark ${title}`;
  process.on('disconnect', () => process.exit(0));
  if (process.connected !== true) process.exit(0);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const link: ParentLink = { remember: (memo) => send({ type: 'memo', memo }), fail };
  process.on('uncaughtException', (thrown) => {
    if (finalError(thrown) !== undefined || failRequest(thrown) === 'none') fail(thrown);
  });
  process.on('unhandledRejection', fail);

  let running: Promise<RunningChild> | undefined;
  process.on('message', (message: ToChild<Options>) => {
    if (message.type === 'start') {
      running = start(message.options, link);
      running.then((child) => send({ type: 'ready', ports: child.ports }), fail);
    } else {
      Promise.resolve(running?.then((child) => child.stop())).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    }
  });
}

function send(message: FromChild, done?: () => void): void {
  if (process.connected !== true || process.send === undefined) {
    done?.();
    return;
  }
  process.send(message, undefined, undefined, () => done?.());
}

/**
 * A mistake that has a remedy is final. Anything else is a crash, after which the parent may start the process anew.
 */
function fail(thrown: unknown): void {
  const error = finalError(thrown);
  if (error === undefined) {
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`, () =>
      process.exit(1),
    );
    return;
  }
  send({ type: 'fatal', code: error.code, message: error.message }, () => process.exit(1));
}

function finalError(thrown: unknown): LocalError | undefined {
  if (thrown instanceof LocalError) return thrown;
  const message = messageOf(thrown);
  if (isDiskFull(thrown))
    return new LocalError('diskFull', `no space left for the data folder: free some and start again (${message})`);
  if (systemCode(thrown) === 'EROFS' || /read-only file system/i.test(message))
    return new LocalError(
      'dataFolder',
      `the data folder can no longer be written: make it writable and start again (${message})`,
    );
  // A new process would meet the same damage each time.
  if (systemCode(thrown) === 'LEVEL_CORRUPTION' || /^Corruption: /.test(message))
    return new LocalError(
      'dataFolder',
      `a database of the data folder is damaged: restore the folder from a copy, or begin with another (${message})`,
    );
  return undefined;
}
