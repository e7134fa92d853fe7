import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError } from '../account/local-error.ts';
import type { FromChild, Ports, ProcessKind, ToChild } from './child-messages.ts';

/** The start of a child, and the reaction to its death. */
export interface ChildSpec<Options> {
  readonly kind: ProcessKind;
  /** The bundled entry file. */
  readonly file: string;
  /**
   * The options for each start. The process is forked before they are known. `memo` is the last one that the child
   * sent.
   */
  options(memo: unknown, ports: Ports | undefined): Promise<Options>;
  /** Whether the child is started anew after an unexpected death. */
  readonly restarts: 'always' | 'never';
  /** Called at most once, when the child has died and is not started anew. */
  onFatal(error: LocalError): void;
}

/** A child process that is kept alive. */
export interface Child {
  /** Starts the child, and resolves when it serves. */
  start(): Promise<Ports>;
  pid(): number | undefined;
  /** `kill -9`. Resolves when the process is gone. The reaction is the same as to any death. */
  kill(): Promise<void>;
  /** Starts a new process, or awaits the one already being started after a death. Resolves when it serves. */
  restart(): Promise<void>;
  /** Asks it to finish, and kills it after `withinMs`. */
  stop(withinMs: number): Promise<void>;
}

/** The number of deaths in a row, each before the child served, after which a child is given up. */
const mostFailedStarts = 5;
/** How long (ms) a restart waits for the old process to finish its work. */
const restartWithinMs = 5_000;

/** Keeps one child process alive: see {@link ChildSpec}. */
export function superviseChild<Options>(spec: ChildSpec<Options>): Child {
  let current: ChildProcess | undefined;
  let serving: Promise<Ports> | undefined;
  let ports: Ports | undefined;
  let memo: unknown;
  let phase: 'starting' | 'serving' | 'gone' = 'gone';
  let wanted = false;
  let ended = false;

  function launch(): Promise<Ports> {
    const child = fork(spec.file, [], {
      execArgv: ['--enable-source-maps'],
      env: childEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    current = child;
    phase = 'starting';
    const errors = lastErrors(child);
    // 'close' and not 'exit': only then have all messages been read that the child sent before it died.
    return new Promise((resolve, reject) => {
      let served = false;
      let fatal: LocalError | undefined;
      child.on('message', (message: FromChild) => {
        if (message.type === 'memo') memo = message.memo;
        else if (message.type === 'fatal') fatal = new LocalError(message.code, message.message);
        else {
          served = true;
          phase = 'serving';
          ports = message.ports;
          resolve(message.ports);
        }
      });
      child.on('error', () => undefined);
      child.once('close', (code, signal) => {
        current = undefined;
        phase = 'gone';
        const death =
          fatal ??
          new LocalError('processDied', `the ${spec.kind} process ended (${signal ?? `exit code ${code}`})${errors()}`);
        reject(death);
        if (served && wanted) onDeath(death);
      });
      spec.options(memo, ports).then(
        (options) => sendTo(child, { type: 'start', options }),
        (error) => {
          reject(error);
          child.kill('SIGKILL');
        },
      );
    });
  }

  function onDeath(death: LocalError): void {
    if (spec.restarts === 'never' || death.code !== 'processDied') {
      giveUp(death);
      return;
    }
    serving = relaunch();
    serving.catch((error) => giveUp(error));
  }

  async function relaunch(): Promise<Ports> {
    for (let failures = 0; ; failures++) {
      try {
        return await launch();
      } catch (error) {
        const final = !(error instanceof LocalError) || error.code !== 'processDied';
        if (final || !wanted || failures + 1 >= mostFailedStarts) throw error;
        await sleep(50 * 2 ** failures);
      }
    }
  }

  function giveUp(error: unknown): void {
    if (ended || !wanted) return;
    ended = true;
    wanted = false;
    spec.onFatal(error instanceof LocalError ? error : new LocalError('processDied', String(error)));
  }

  async function gone(child: ChildProcess | undefined, act: (child: ChildProcess) => void): Promise<void> {
    if (child === undefined) return;
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    act(child);
    await closed;
  }

  async function finish(withinMs: number): Promise<void> {
    await gone(current, (child) => {
      const killer = setTimeout(() => child.kill('SIGKILL'), withinMs);
      child.once('exit', () => clearTimeout(killer));
      sendTo(child, { type: 'stop' });
    });
  }

  return {
    async start() {
      wanted = true;
      serving = launch();
      return serving;
    },
    pid: () => current?.pid,
    kill: () => gone(current, (child) => child.kill('SIGKILL')),
    async restart() {
      if (phase === 'serving') {
        wanted = false;
        await finish(restartWithinMs);
        wanted = true;
        serving = relaunch();
        serving.catch((error) => giveUp(error));
      }
      await serving;
    },
    async stop(withinMs) {
      wanted = false;
      await finish(withinMs);
    },
  };
}

function sendTo<Options>(child: ChildProcess, message: ToChild<Options>): void {
  if (!child.connected) return;
  child.send(message, (error) => {
    if (error !== null) child.kill('SIGKILL');
  });
}

/** The error line of a child's output to stderr, for the message about its death. */
function lastErrors(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4096);
  });
  return () => {
    const line = text.split('\n').find((candidate) => /error/i.test(candidate)) ?? text.trim().split('\n', 1)[0] ?? '';
    return line === '' ? '' : `: ${line.trim()}`;
  };
}

/**
 * The environment of a child, without the user's AWS settings: a real profile or key must not leak into the functions.
 */
function childEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { TZ: 'UTC', AWS_REGION: 'us-east-1', AWS_ACCOUNT_ID: '000000000000' };
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot']) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
