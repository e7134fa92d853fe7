import type { Command as Commander, Option } from 'commander';
import { commands } from '../../cli/commands.ts';
import { connectionHeading, connectionTopic } from '../../cli/help.ts';
import { program } from '../../cli/parser.ts';
import type { Command } from '../../cli/program/command.ts';
import { anchorOf, code, inline, table, wrapped, wrappedLine } from './markdown.ts';

/** The command line as it is parsed, and the examples of each command by its name. */
export interface CommandLine {
  readonly program: Commander;
  readonly examples: ReadonlyMap<string, Command['examples']>;
}

export async function commandLine(): Promise<CommandLine> {
  const loaded = await Promise.all(
    commands.map(async ({ name, load }) => [name, (await load()).default.examples] as const),
  );
  return { program: await program(), examples: new Map(loaded) };
}

/** The text of the page of the command line. */
export function cliPage({ program: main, examples }: CommandLine): string {
  const shared = sharedOptions(main);
  const connection = main.commands.find((sub) => sub.name() === connectionTopic);
  return [
    '# The command line',
    wrapped(
      'In a clone and in a project, `npx tidemark COMMAND`. `tidemark COMMAND --help` says the same as this page. Results go to ' +
        'stdout. Progress, counters and errors go to stderr. Exit codes: 0, it is done; 1, it went wrong; 2, it was called ' +
        'wrongly; 130, it was interrupted. Every command takes `--debug`, which shows the stack of an unexpected error.',
    ),
    ...groupsOf(main).flatMap(({ title, members }) => [
      `## ${title}`,
      ...members.map((sub) => commandText(sub, examples.get(sub.name()) ?? [], shared)),
    ]),
    `## ${sharedTitle}`,
    'Each command names those of them that it takes.',
    '### Connection',
    wrapped(connection?.description() ?? ''),
    optionTable(shared.filter(isOfConnection)),
    '### Others',
    optionTable(shared.filter((option) => !isOfConnection(option))),
  ].join('\n\n');
}

const sharedTitle = 'Options of many commands';

const isOfConnection = ({ helpGroupHeading }: Option) => helpGroupHeading === connectionHeading;

/** The commands of the index, by group. */
export function cliIndex({ program: main }: CommandLine): string {
  return groupsOf(main)
    .map(({ title, members }) => {
      const rows = members.map((sub) => [
        `[\`tidemark ${sub.name()}\`](reference/cli.md#${anchorOf(titleOf(sub))})`,
        sub.summary(),
      ]);
      return `### ${title}\n\n${table(['Command', 'What it does'], rows)}`;
    })
    .join('\n\n');
}

const titleOf = (sub: Commander) => `tidemark ${sub.name()}`;

/** The commands by the heading of their group, in the order of `tidemark --help`. */
function groupsOf(main: Commander) {
  const described = main.commands.filter((sub) => commands.some(({ name }) => name === sub.name()));
  const titles = [...new Set(described.map((sub) => sub.helpGroup()))];
  return titles.map((title) => ({ title, members: described.filter((sub) => sub.helpGroup() === title) }));
}

/** The number of commands from which on an option that they share is explained once. */
const many = 6;

/** An option as people see it: two are the same when all of this is. */
const identity = (option: Option) => optionRow(option).join('\n');

/** The options that many commands have in the same form. */
function sharedOptions(main: Commander): readonly Option[] {
  const all = main.commands.filter((sub) => sub.name() !== connectionTopic).flatMap(visibleOptions);
  const count = (option: Option) => all.filter((other) => identity(other) === identity(option)).length;
  const shared = all.filter((option) => count(option) >= many);
  return [...new Map(shared.map((option) => [identity(option), option])).values()];
}

const visibleOptions = ({ options }: Commander) => options.filter(({ hidden }) => !hidden);

function commandText(sub: Commander, examples: Command['examples'], shared: readonly Option[]): string {
  const all = visibleOptions(sub);
  const isShared = (option: Option) => shared.some((other) => identity(other) === identity(option));
  const own = all.filter((option) => !isShared(option));
  const others = all.filter(isShared).map((option) => inline(option.long ?? option.flags));
  const operands = sub.registeredArguments.map((one) => ({
    name: one.required ? `${one.name()}${one.variadic ? '...' : ''}` : `[${one.name()}${one.variadic ? '...' : ''}]`,
    description: one.description,
  }));
  return [
    `### ${titleOf(sub)}`,
    code(
      [titleOf(sub), ...(all.length > 0 ? ['[OPTIONS]'] : []), ...operands.map(({ name }) => name)].join(' '),
      'text',
    ),
    wrapped(sub.description()),
    operands.map(({ name, description }) => wrappedLine(`- ${inline(name)}: ${description}`)).join('\n'),
    own.length === 0 ? '' : optionTable(own),
    others.length === 0
      ? ''
      : wrapped(
          `${own.length === 0 ? 'It takes' : 'It also takes'} ${others.join(', ')}: [${sharedTitle.toLowerCase()}](#${anchorOf(sharedTitle)}).`,
        ),
    code(examples.map(([line, meaning]) => `# ${meaning}\n${line}`).join('\n\n'), 'sh'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function optionTable(options: readonly Option[]): string {
  return table(['Option', 'Meaning', 'Default'], options.map(optionRow));
}

function optionRow({ flags, description, defaultValue, negate }: Option): readonly string[] {
  const isShown = defaultValue !== undefined && !negate;
  return [inline(flags), description, isShown ? inline(shownDefault(defaultValue)) : ''];
}

function shownDefault(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
