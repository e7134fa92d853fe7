import { type CommandEntry, commands } from '../../cli/commands.ts';
import type { Command, OptionSpec } from '../../cli/program/command.ts';
import { anchorOf, code, inline, table, wrapped, wrappedLine } from './markdown.ts';

/** The commands with what they take, in the order of `tidemark --help`. */
export async function commandsOfProgram(): Promise<readonly (readonly [CommandEntry, Command])[]> {
  return Promise.all(commands.map(async (entry) => [entry, (await entry.load()).default] as const));
}

type Described = Awaited<ReturnType<typeof commandsOfProgram>>;

/** The number of commands from which on an option that they share is explained once. */
const many = 6;

/** The text of the page of the command line. */
export function cliPage(described: Described): string {
  const shared = sharedOptions(described);
  return [
    '# The command line',
    wrapped(
      'In a clone and in a project, `npx tidemark COMMAND`. `tidemark COMMAND --help` says the same as this page. Results go to ' +
        'stdout. Progress, counters and errors go to stderr. Exit codes: 0, it is done; 1, it went wrong; 2, it was called ' +
        'wrongly; 130, it was interrupted. Every command takes `--debug`, which shows the stack of an unexpected error.',
    ),
    commandTable(described, ''),
    ...described.map(([entry, command]) => commandText(entry, command, shared)),
    `## ${sharedTitle}`,
    'Many commands take these. Each command names those that it takes.',
    optionTable([...shared.values()]),
  ].join('\n\n');
}

const sharedTitle = 'Options of many commands';

/** The commands of the index. */
export function cliIndex(described: Described): string {
  return commandTable(described, 'reference/cli.md');
}

function commandTable(described: Described, page: string): string {
  const rows = described.map(([{ name, summary }]) => [
    `[\`tidemark ${name}\`](${page}#${anchorOf(`tidemark ${name}`)})`,
    summary,
  ]);
  return table(['Command', 'What it does'], rows);
}

type Option = readonly [name: string, spec: OptionSpec];

/** An option as people see it: two are the same when all of this is. */
const identity = ([name, spec]: Option) => optionRow([name, spec]).join('\n');

/** The options that many commands have in the same form, by that form. */
function sharedOptions(described: Described): ReadonlyMap<string, Option> {
  const all = described.flatMap(([, { options }]) => Object.entries(options));
  const count = (option: Option) => all.filter((other) => identity(other) === identity(option)).length;
  return new Map(all.filter((option) => count(option) >= many).map((option) => [identity(option), option]));
}

function commandText({ name }: CommandEntry, command: Command, shared: ReadonlyMap<string, Option>): string {
  const { description, operands = [], options, examples } = command;
  const all = Object.entries(options);
  const own = all.filter((option) => !shared.has(identity(option)));
  const others = all.filter((option) => shared.has(identity(option)));
  const usage = [
    'tidemark',
    name,
    ...(all.length > 0 ? ['[OPTIONS]'] : []),
    ...operands.map((operand) => operand.name),
  ];
  const also = own.length === 0 ? 'It takes' : 'It also takes';
  return [
    `## tidemark ${name}`,
    code(usage.join(' '), 'text'),
    wrapped(description),
    operands.map((operand) => wrappedLine(`- ${inline(operand.name)}: ${operand.description}`)).join('\n'),
    own.length === 0 ? '' : optionTable(own),
    others.length === 0
      ? ''
      : wrapped(
          `${also} ${others.map(([option, spec]) => inline(flagOf(option, spec))).join(', ')}: [${sharedTitle.toLowerCase()}](#${anchorOf(sharedTitle)}).`,
        ),
    code(examples.map(([line, meaning]) => `# ${meaning}\n${line}`).join('\n\n'), 'sh'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** An option without its value. */
function flagOf(name: string, { kind }: OptionSpec): string {
  const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return kind === 'negated' ? `--no-${kebab}` : `--${kebab}`;
}

function optionTable(options: readonly Option[]): string {
  return table(['Option', 'Meaning', 'Default'], options.map(optionRow));
}

function optionRow([name, spec]: Option): readonly [option: string, meaning: string, fallback: string] {
  const flag = flagOf(name, spec);
  if (spec.kind !== 'value') return [inline(flag), spec.description, ''];
  const fallback = spec.fallback === undefined ? '' : inline(shownDefault(spec.fallback));
  return [inline(`${flag} <${spec.placeholder}>`), spec.description, fallback];
}

function shownDefault(fallback: unknown): string {
  return typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
}
