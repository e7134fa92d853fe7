import { launcherIsGone } from './launcher.ts';

/** The signals that end a command, each with the exit code that shells know it by. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Ending = keyof typeof exitCodes;

/** The request from outside to end. */
export interface Interrupt {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of an interrupted command; undefined when nothing has interrupted it. */
  exitCode(): number | undefined;
  /** Stops waiting for signals. */
  close(): void;
}

/**
 * npx passes a Ctrl-C on that the terminal has sent to its whole group already: what comes within this time, in ms, is
 * the same one.
 */
const sameWithinMs = 500;
/** How often it is looked whether the launcher is still there, in ms. */
const lookEveryMs = 1000;

/**
 * Hears of Ctrl-C, `kill` and the end of the terminal: the first signal asks the command to end what it has started,
 * the second one ends the process at once. The end of npx, or of the shell that npx puts between, is a signal too.
 */
export function createInterrupt(process: NodeJS.Process): Interrupt {
  const controller = new AbortController();
  let first: { readonly by: Ending; readonly atMs: number } | undefined;
  const interrupt = (by: Ending): void => {
    const atMs = performance.now();
    if (first === undefined) {
      first = { by, atMs };
      controller.abort();
    } else if (atMs - first.atMs > sameWithinMs) process.exit(exitCodes[by]);
  };
  for (const signal of Object.keys(exitCodes) as Ending[]) process.on(signal, () => interrupt(signal));
  const isGone = launcherIsGone(process);
  const looking =
    isGone &&
    setInterval(() => {
      if (first === undefined && isGone()) interrupt('SIGTERM');
    }, lookEveryMs).unref();
  return {
    signal: controller.signal,
    exitCode: () => first && exitCodes[first.by],
    close: () => clearInterval(looking),
  };
}
