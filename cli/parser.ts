import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command as Commander, Option } from 'commander';
import { commandGroups, commands } from './commands.ts';
import { connectionHeading, connectionTopic, helpEnd, helpStyle, helpWidth } from './help.ts';
import type { Command, CommandProcess, OptionSpec } from './program/command.ts';
import { UsageError } from './program/errors.ts';
import { packageRoot } from './program/package-root.ts';

/** What becomes of the command that was called. */
export interface Called {
  readonly process: Pick<CommandProcess, 'stdout' | 'stderr'>;
  /** The only command that is described; the others are a name and a summary, and their modules are not loaded. */
  readonly only: string | undefined;
  readonly run: (command: Command, input: Omit<Parameters<Command['run']>[0], 'process'>) => Promise<void>;
}

/**
 * The whole command line as objects of commander, every command described: for who walks it, such as a script that
 * writes its reference. Each command has its group (`helpGroup()`); options that many commands share have theirs
 * (`helpGroupHeading`).
 */
export function program(): Promise<Commander> {
  return parser({ process, only: undefined, run: async () => undefined }, commands);
}

/** The parser of one call. */
export async function parserOf(called: Called): Promise<Commander> {
  return parser(
    called,
    commands.filter(({ name }) => name === called.only),
  );
}

async function parser(called: Called, described: typeof commands): Promise<Commander> {
  const { process, only } = called;
  const main = new Commander('tidemark')
    .description('Serverless event-time aggregation on AWS, on this machine or in an account.')
    .usage('COMMAND [OPTIONS]')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this; after a command, what it does, with examples')
    .option('--debug', 'show the stack of an unexpected error')
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp(helpStyle)
    .configureOutput({
      writeOut: (text) => process.stdout.write(text),
      writeErr: (text) => process.stderr.write(text),
      outputError: () => undefined, // said by the caller, on one line
      getOutHelpWidth: () => helpWidth(process.stdout),
      getErrHelpWidth: () => helpWidth(process.stderr),
    });
  for (const entry of commands) {
    const sub = main.command(entry.name).summary(entry.summary).helpGroup(commandGroups[entry.group]);
    if (described.includes(entry)) describe(sub, (await entry.load()).default, called);
  }
  if (only === undefined || only === connectionTopic) await describeConnection(main);
  return main.addHelpText('after', '\ntidemark help COMMAND explains a command, with examples.');
}

/** A topic of `tidemark help`, in the form of a command. */
async function describeConnection(main: Commander): Promise<void> {
  const { apiOptions } = await import('./deployment/api-options.ts');
  const topic = main
    .command(connectionTopic, { hidden: true })
    .description(
      'The options of all commands that ask a stream, its functions or its query API: which one that is. One of --port, --stack, --api and ' +
        '--endpoint names it; without any, commands that feed and operate connect as the AWS SDK does.',
    )
    .helpOption(false)
    .action(() => topic.help());
  for (const [name, spec] of Object.entries(apiOptions)) topic.addOption(commanderOption(name, spec));
}

function describe(sub: Commander, command: Command, { process: edges, run }: Called): void {
  sub
    .description(command.description)
    .helpOption('-h, --help', 'print this')
    .addOption(new Option('--debug', 'show the stack of an unexpected error').hideHelp());
  for (const { name, description } of command.operands ?? [])
    sub.argument(name.startsWith('[') ? name : `<${name}>`, description);
  for (const [name, spec] of Object.entries(command.options)) sub.addOption(commanderOption(name, spec));
  sub.addHelpText('after', () => helpEnd(sub, command.examples, helpWidth(edges.stdout)));
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
    await run(command, { operands: sub.args, options });
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
      if (spec.group === 'connection') option.helpGroup(connectionHeading);
      return spec.fallback === undefined ? option : option.default(spec.fallback);
    }
  }
}

function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown';
}
