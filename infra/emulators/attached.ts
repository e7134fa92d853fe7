import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { EmulatorError } from './emulator-error.ts';

/** A command to run, with its arguments and surroundings. */
export interface AttachedCommand {
  /** Tidemark's package. */
  readonly root: string;
  readonly command: string;
  readonly args: readonly string[];
  /** All environment variables of the command. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder in which it runs. @default `root` */
  readonly folder?: string;
  /** A folder to remove when the command has ended. @default nothing */
  readonly removes?: string;
}

/** A running command. */
export interface Attached {
  /** The exit code, when it and all its children are gone. */
  readonly ended: Promise<number>;
  hasEnded(): boolean;
  /** The end of its output, at most about 64 KB. */
  output(): string;
  /** Asks it to end, kills it after 5 s, and resolves when it is gone. */
  stop(): Promise<void>;
}

const keptCharacters = 64 * 1024;

/**
 * Starts a command that ends with this process, however this process ends: see attached.mjs.
 * @param show receives the output as it comes
 */
export function startAttached(command: AttachedCommand, show: (text: string) => void = () => undefined): Attached {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(command.root, 'infra', 'emulators', 'attached.mjs'), command.removes ?? '', command.command, ...command.args],
    { cwd: command.folder ?? command.root, env: { ...command.environment }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let text = '';
  let over = false;
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-keptCharacters);
      show(chunk);
    });
  // It may be gone before its end is asked for.
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => {
    const end = (code: number): void => {
      over = true;
      resolve(code);
    };
    child.once('error', () => end(127));
    child.once('close', (code) => end(code ?? 1));
  });
  return {
    ended,
    hasEnded: () => over,
    output: () => text,
    async stop() {
      child.stdin?.end();
      await ended;
    },
  };
}

/**
 * Runs a command to its end and returns its output.
 * @param signal ends it early
 * @throws EmulatorError with the end of its output when it fails
 */
export async function runAttached(command: AttachedCommand, signal?: AbortSignal): Promise<string> {
  const running = startAttached(command);
  const stop = (): void => void running.stop();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  const code = await running.ended;
  signal?.removeEventListener('abort', stop);
  if (code === 0) return running.output();
  const said = running.output().trimEnd().split('\n').slice(-15).join('\n');
  throw new EmulatorError(
    `${[command.command, ...command.args.slice(0, 2)].join(' ')} ended with exit code ${code}:\n${said}`,
  );
}
