import type { CommandProcess } from '../program/command.ts';
import { formatNumber } from './number-text.ts';
import { cutTo } from './table.ts';
import { spanText } from './time-text.ts';
import { widthOf } from './width.ts';

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
  /** The value of `done` at the end; undefined when unknown: there is no bar then, and the time that has passed. */
  readonly total: number | undefined;
  /** Nothing is shown before, in ms: most runs are over by then. @default 0 */
  readonly afterMs?: number;
}

/** Plain lines come at most this often. */
const lineEveryMs = 1000;
/** A terminal is drawn at most this often. */
const drawEveryMs = 100;
const barCells = 24;

/**
 * One line that is drawn in its place on a terminal; elsewhere plain lines, at most one a second and a last one, as a
 * log wants them. Both say how long it will take, once that is known.
 */
export function createProgress(
  { label, total, afterMs = 0 }: ProgressOptions,
  { stderr, now }: Pick<CommandProcess, 'stderr' | 'now'>,
): Progress {
  const { showStatus } = stderr;
  const everyMs = showStatus === undefined ? lineEveryMs : drawEveryMs;
  const beganMs = now();
  const timeAt = timeOf(total, beganMs);
  // A terminal shows at once that something is going on.
  let lastMs = beganMs + afterMs - (showStatus === undefined ? 0 : everyMs);
  let isShown = false;
  let state: readonly [done: number, detail: string] | undefined;
  const show = (): void => {
    const atMs = now();
    if (state === undefined || atMs - lastMs < everyMs) return;
    const [done, detail] = state;
    const left = timeAt(done, atMs);
    lastMs = atMs;
    isShown = true;
    const share = total === undefined ? undefined : Math.min(1, done / Math.max(1, total));
    const percent = share === undefined ? '' : ` ${Math.floor(100 * share)} %`;
    const time = left === undefined ? '' : `, ${left}`;
    if (showStatus === undefined) stderr.write(`${label}${percent}: ${detail}${time}\n`);
    else {
      const bar = share === undefined ? '' : ` ${barText(share)}`;
      showStatus(cutTo(`${label}${bar}${percent} · ${detail}${time}`, widthOf(stderr) - 1));
    }
  };
  // Somebody who looks at a terminal sees that time goes on, although nothing may have been done meanwhile.
  const ticking = showStatus && setInterval(show, lineEveryMs).unref();
  return {
    update(done, detail) {
      state = [done, detail];
      show();
    },
    stop(detail) {
      clearInterval(ticking);
      showStatus?.(undefined);
      if (detail !== '' && (afterMs === 0 || isShown)) stderr.write(`${label}: ${detail}\n`);
    },
  };
}

/** Bytes as megabytes: `12 MB`. */
export function megabytesText(bytes: number): string {
  return `${formatNumber(Math.round(bytes / 1e6))} MB`;
}

function barText(share: number): string {
  const full = Math.floor(share * barCells);
  return `${'█'.repeat(full)}${'░'.repeat(barCells - full)}`;
}

/** The stretch of the past by which the rest is foretold, in ms. */
const rateOverMs = 10_000;
/** Before that nobody knows, in ms. */
const knownAfterMs = 2_000;

/**
 * The time that the rest will take at the pace of the last seconds, as text; undefined while it is not known. Without a
 * total it is the time that has passed.
 */
function timeOf(total: number | undefined, beganMs: number): (done: number, atMs: number) => string | undefined {
  const seen: { readonly done: number; readonly atMs: number }[] = [];
  return (done, atMs) => {
    if (total === undefined)
      return atMs - beganMs < knownAfterMs ? undefined : `for ${spanText(Math.floor((atMs - beganMs) / 1000) * 1000)}`;
    const last = seen.at(-1);
    if (last === undefined || atMs - last.atMs >= drawEveryMs) seen.push({ done, atMs });
    while (seen.length > 2 && atMs - (seen[1]?.atMs ?? 0) >= rateOverMs) seen.shift();
    const [first] = seen;
    if (first === undefined || atMs - first.atMs < knownAfterMs || done <= first.done) return undefined;
    const leftMs = ((total - done) / (done - first.done)) * (atMs - first.atMs);
    return leftMs < 1000 ? undefined : `${spanText(roundedSpan(leftMs))} left`;
  };
}

/** Nobody foretells seconds of hours: seconds below two minutes, then minutes. */
function roundedSpan(ms: number): number {
  const unitMs = ms < 120_000 ? 1000 : 60_000;
  return Math.ceil(ms / unitMs) * unitMs;
}
