import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { formatNumber } from '../../cli/print/number-text.ts';
import { createProgress } from '../../cli/print/progress.ts';
import { createScreen } from '../../cli/print/screen.ts';
import { formatTable } from '../../cli/print/table.ts';
import { reportError, UsageError } from '../../cli/program/errors.ts';
import { type CrashOptions, parseOptions, usage } from './options.ts';
import { type CrashFigures, runCrash } from './run.ts';

/** The most differences that are printed; one mistake makes many. */
const mostPrinted = 20;

/**
 * Runs the command; resolves to the exit code: 0 if everything is equal, 1 if something differs or fails, 2 for wrong
 * usage.
 */
export async function main(argv: readonly string[]): Promise<number> {
  let options: CrashOptions | 'help';
  try {
    options = parseOptions(argv);
    if (options === 'help') {
      process.stdout.write(usage);
      return 0;
    }
    if (options.data !== undefined && existsSync(options.data) && readdirSync(options.data).length > 0)
      throw new UsageError(`--data ${options.data} is not empty: name a new folder`);
  } catch (error) {
    const { message, exitCode } = reportError(error);
    process.stderr.write(`crash: ${message} (see npm run crash -- --help)\n`);
    return exitCode;
  }
  const folder =
    options.data === undefined ? mkdtempSync(path.join(tmpdir(), 'tidemark-crash-')) : path.resolve(options.data);
  mkdirSync(folder, { recursive: true });
  const { stderr } = createScreen(process.stdout, process.stderr);
  const progress = createProgress(
    { label: `crash (seed ${options.seed})`, total: options.kills },
    { stderr, now: Date.now },
  );
  let last = '';
  try {
    const figures = await runCrash(options.seed, options.kills, folder, (done, detail) => {
      last = `${done} kills, ${detail}`;
      progress.update(done, last);
    });
    progress.stop(last);
    const holds = figures.differences.length === 0;
    process.stdout.write(options.json ? `${JSON.stringify({ ok: holds, ...figures })}\n` : report(figures));
    if (holds && options.data === undefined) rmSync(folder, { recursive: true, force: true });
    if (!holds) process.stderr.write(`crash: kept ${folder}\n`);
    return holds ? 0 : 1;
  } catch (error) {
    progress.stop(last);
    const { message, kind } = reportError(error);
    if (options.json) process.stdout.write(`${JSON.stringify({ ok: false, seed: options.seed, error: message })}\n`);
    const isViolation = error instanceof Error && error.name === 'Violation';
    process.stderr.write(
      `crash: seed ${options.seed}: ${kind === 'unexpected' && !isViolation && error instanceof Error ? error.stack : message}\n`,
    );
    process.stderr.write(`crash: kept ${folder}\n`);
    return 1;
  }
}

function report(figures: CrashFigures): string {
  const { kills, stream, differences, backAfterMs } = figures;
  const total = Object.values(kills).reduce((sum, count) => sum + count, 0);
  const n = formatNumber;
  const table = formatTable(
    [{ heading: 'kill -9 of' }, { heading: 'times', align: 'right' }],
    [...Object.entries(kills), ['all', total]],
  );
  const lines = [
    table,
    `put: ${n(figures.acknowledged)} records acknowledged, ${n(figures.putAgain)} put again for want of an answer, ${n(stream.repeated)} of them were there already`,
    `stream: ${n(stream.records)} records with ${n(stream.events)} events in ${stream.shards} shards (${figures.splits} splits, ${figures.merges} merges)`,
    `read again by aggregate after a kill: ${n(figures.readAgain)} events`,
    `command started ${figures.starts} times (${figures.startsBroken} starts broken off by a kill); back after ${n(backAfterMs.median)} ms (median), at most ${n(backAfterMs.most)} ms`,
    `compared: ${n(stream.windows)} final windows, ${n(stream.late)} late and ${n(stream.rejected)} rejected entries of the side output, the counters`,
    ...differences.slice(0, mostPrinted).map((difference) => `VIOLATION: ${difference}`),
    ...(differences.length > mostPrinted ? [`... and ${differences.length - mostPrinted} more`] : []),
    differences.length === 0
      ? `OK: seed ${figures.seed}, ${total} kills in ${figures.seconds} s: nothing lost, nothing double`
      : `VIOLATION: seed ${figures.seed}, ${total} kills in ${figures.seconds} s: ${differences.length} differences`,
  ];
  return `${lines.join('\n')}\n`;
}
