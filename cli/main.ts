import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command as Commander, CommanderError, Option } from 'commander';
import { surviveOrphanRejections } from '../functions/edge/orphan-rejections.ts';
import { commands } from './commands.ts';
import type { Command, CommandProcess, OptionSpec } from './program/command.ts';
import { reportError, UsageError } from './program/errors.ts';
import { packageRoot } from './program/package-root.ts';

const interruptedExitCode = 130;

/**
 * The command line. Exit codes: 0 done, 1 it went wrong, 2 it was called wrongly, 130 interrupted. Data goes to stdout,
 * everything else (progress, errors) to stderr.
 */
export async function main(argv: readonly string[]): Promise<void> {
  endQuietlyWhenNobodyReads(process.stdout);
  endQuietlyWhenNobodyReads(process.stderr);
  surviveOrphanRejections(tellOnce);
  const interrupt = new AbortController();
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(interruptedExitCode);
    interrupt.abort();
  });
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
    stdout: process.stdout,
    stderr: process.stderr,
    signal: interrupt.signal,
    now: Date.now,
  });
  ended = true;
  process.exitCode = interrupt.signal.aborted ? interruptedExitCode : exitCode;
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

/** Parses, runs the one command and turns every outcome into an exit code; never throws. */
export async function runCommandLine(argv: readonly string[], edges: CommandProcess): Promise<number> {
  const debug = argv.includes('--debug');
  let exitCode = 0;
  try {
    const program = await createProgram(argv, edges, (code) => {
      exitCode = code;
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

/** Only the module of the named command is loaded: the others are a name and a summary. */
async function createProgram(
  argv: readonly string[],
  edges: CommandProcess,
  done: (exitCode: number) => void,
): Promise<Commander> {
  const program = new Commander('tidemark')
    .description('Serverless event-time aggregation on AWS, on this machine or in an account.')
    .usage('COMMAND [OPTIONS]')
    .version(packageVersion(), '-V, --version')
    .option('--debug', 'show the stack of an unexpected error')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => edges.stdout.write(text),
      writeErr: (text) => edges.stderr.write(text),
      outputError: () => undefined, // said by commanderExit, on one line
    })
    .addHelpText('after', '\ntidemark COMMAND --help explains a command, with examples.');
  const words = argv.filter((word) => !word.startsWith('-'));
  const wanted = words[0] === 'help' ? words[1] : words[0];
  if (words[0] === 'help' && wanted !== undefined && !commands.some(({ name }) => name === wanted))
    throw new UsageError(`unknown command '${wanted}' (see tidemark --help)`);
  for (const entry of commands) {
    const sub = program.command(entry.name).summary(entry.summary);
    if (entry.name === wanted) describe(sub, (await entry.load()).default, edges, done);
  }
  return program;
}

function describe(sub: Commander, command: Command, edges: CommandProcess, done: (exitCode: number) => void): void {
  sub.description(command.description).option('--debug', 'show the stack of an unexpected error');
  for (const { name, description } of command.operands ?? [])
    sub.argument(name.startsWith('[') ? name : `<${name}>`, description);
  for (const [name, spec] of Object.entries(command.options)) sub.addOption(commanderOption(name, spec));
  const examples = command.examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`);
  sub.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  sub.action(async () => {
    if (sub.args.includes(''))
      throw new UsageError(`${command.operands?.[0]?.name ?? 'an argument'}: one is empty: give it a value`);
    const given = sub.opts();
    const options = Object.fromEntries(
      Object.entries(command.options).map(([name, spec]) => [
        name,
        spec.kind === 'flag' ? given[name] === true : given[name],
      ]),
    );
    done(await command.run({ operands: sub.args, options, process: edges }));
  });
}

function commanderOption(name: string, spec: OptionSpec): Option {
  const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  switch (spec.kind) {
    case 'flag':
      return new Option(`--${kebab}`, spec.description);
    case 'negated':
      return new Option(`--no-${kebab}`, spec.description);
    case 'value': {
      const option = new Option(`--${kebab} <${spec.placeholder}>`, spec.description).argParser((text) =>
        spec.parse(text, `--${kebab}`),
      );
      return spec.fallback === undefined ? option : option.default(spec.fallback);
    }
  }
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
    throw error;
  });
}

function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown';
}
