import type { SingleBar } from 'cli-progress';
import type { CommandProcess } from '../program/command.ts';

/**
 * Shows the progress of a command. It is written to stderr only, so stdout stays for data, with `--json` and without.
 */
export interface Progress {
  /**
   * @param done in the unit of `total`
   * @param detail what a person wants to know, such as "2,000 events, watermark 03:10"
   */
  update(done: number, detail: string): void;
  /**
   * Shows the last state, and no more after it. An empty text shows nothing: the error that follows is to be the only
   * line.
   */
  stop(detail: string): void;
}

/** The options of a progress. */
export interface ProgressOptions {
  readonly label: string;
  /** The value of `done` at the end; undefined when unknown (lines only). */
  readonly total: number | undefined;
}

/** Plain lines come at most this often. */
const lineEveryMs = 1000;

/**
 * A bar on a terminal; elsewhere plain lines, at most one a second and a last one, as a log wants them.
 */
export async function createProgress(
  { label, total }: ProgressOptions,
  { stderr, now }: CommandProcess,
): Promise<Progress> {
  return stderr.isTTY === true && total !== undefined
    ? createBar(label, total)
    : createLines(label, total, stderr, now);
}

async function createBar(label: string, total: number): Promise<Progress> {
  const { default: cliProgress } = await import('cli-progress');
  const bar: SingleBar = new cliProgress.SingleBar({
    format: `${label} {bar} {percentage}% | {detail}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    fps: 10,
    hideCursor: false, // nothing to restore when the process is killed
    gracefulExit: false,
    stopOnComplete: false,
    stream: process.stderr,
  });
  bar.start(Math.max(1, total), 0, { detail: '' });
  return {
    update: (done, detail) => bar.update(total === 0 ? 1 : done, { detail }),
    stop(detail) {
      bar.update({ detail });
      bar.stop();
    },
  };
}

function createLines(
  label: string,
  total: number | undefined,
  stderr: CommandProcess['stderr'],
  now: () => number,
): Progress {
  let lastMs = now();
  return {
    update(done, detail) {
      if (now() - lastMs < lineEveryMs) return;
      lastMs = now();
      const share = total === undefined ? '' : ` ${Math.floor((100 * done) / Math.max(1, total))}%`;
      stderr.write(`${label}${share}: ${detail}\n`);
    },
    stop(detail) {
      if (detail !== '') stderr.write(`${label}: ${detail}\n`);
    },
  };
}
