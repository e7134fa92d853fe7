import { CommanderError } from 'commander';
import { surviveOrphanRejections } from '../functions/edge/orphan-rejections.ts';
import { commands } from './commands.ts';
import { connectionTopic } from './help.ts';
import { createInterrupt } from './interrupt.ts';
import { parserOf } from './parser.ts';
import { createScreen } from './print/screen.ts';
import type { CommandProcess } from './program/command.ts';
import { reportError, UsageError } from './program/errors.ts';

/**
 * The command line. Exit codes: 0 done, 1 it went wrong, 2 it was called wrongly, 130 interrupted by Ctrl-C (143 by
 * `kill`, 129 by the end of its terminal). Data goes to stdout, everything else (progress, errors) to stderr.
 */
export async function main(argv: readonly string[]): Promise<void> {
  endQuietlyWhenNobodyReads(process.stdout);
  endQuietlyWhenNobodyReads(process.stderr);
  surviveOrphanRejections(tellOnce);
  const interrupt = createInterrupt(process);
  let ended = false;
  // Nothing is left that could happen. Without this, Node would end with its code 13 and without a word.
  process.once('beforeExit', () => {
    if (ended) return;
    process.stderr.write(
      'tidemark: the command waits for something that cannot come: look for an await at the top of the pipeline file\n',
    );
    process.exitCode = 1;
  });
  const exitCode = await runCommandLine(argv, {
    stdin: process.stdin,
    ...createScreen(process.stdout, process.stderr),
    signal: interrupt.signal,
    now: Date.now,
  });
  ended = true;
  process.exitCode = interrupt.exitCode() ?? exitCode;
  interrupt.close();
  process.stdin.destroy(); // a pipe that stays open must not keep a finished command alive
}

let told = false;

/**
 * Tells, once, of a rejection that nobody handles. A pipeline's code runs in this process, and its leftovers must not
 * end a command whose answer does not depend on them.
 */
function tellOnce(reason: unknown): void {
  if (!told)
    process.stderr.write(
      `tidemark: a promise that nobody waits for was rejected (${reportError(reason).message}): is the schema synchronous?\n`,
    );
  told = true;
}

/** Main turns it into that of the signal. */
const interruptedExitCode = 130;

/** Parses, runs the one command and turns every outcome into an exit code; never throws. */
export async function runCommandLine(argv: readonly string[], edges: CommandProcess): Promise<number> {
  const debug = argv.includes('--debug');
  let exitCode = 0;
  try {
    const program = await parserOf({
      process: edges,
      only: wantedCommand(argv),
      run: async (command, input) => {
        exitCode = await command.run({ ...input, process: edges });
      },
    });
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return commanderExit(error, edges);
    if (edges.signal.aborted && error instanceof Error && error.name === 'AbortError') return interruptedExitCode;
    const report = reportError(error);
    const hint = report.kind === 'unexpected' && !debug ? ' (--debug shows where)' : '';
    edges.stderr.write(`tidemark: ${report.message}${hint}\n`);
    if (debug && error instanceof Error) edges.stderr.write(`${error.stack}\n`);
    return report.exitCode;
  }
}

/**
 * The command that is called, or whose help is asked for.
 * @throws UsageError for help of a command that is not there
 */
function wantedCommand(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  if (words[0] !== 'help') return words[0] ?? '';
  const [, topic = ''] = words;
  if (topic !== '' && topic !== connectionTopic && !commands.some(({ name }) => name === topic))
    throw new UsageError(`unknown command '${topic}' (see tidemark --help)`);
  return topic;
}

function commanderExit(error: CommanderError, edges: CommandProcess): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2; // no command: the help is on stderr
  const message = new UsageError(error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')).message;
  edges.stderr.write(`tidemark: ${message} (see tidemark --help)\n`);
  return 2;
}

/** A closed pipe, as in `tidemark ... | head`, is not an error: the reader has seen enough. */
function endQuietlyWhenNobodyReads(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    if (error.code !== 'EIO') throw error; // the terminal is gone: its signal ends the command
  });
}
