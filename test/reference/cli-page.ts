import { type CommandEntry, commands } from '../../cli/commands.ts';
import type { Command, OptionSpec } from '../../cli/program/command.ts';
import { anchorOf, code, inline, sentence, table, wrapped, wrappedLine } from './markdown.ts';

/** The commands with what they take, in the order of `tidemark --help`. */
export async function commandsOfProgram(): Promise<readonly (readonly [CommandEntry, Command])[]> {
  return Promise.all(commands.map(async (entry) => [entry, (await entry.load()).default] as const));
}

type Described = Awaited<ReturnType<typeof commandsOfProgram>>;

/** The text of the page of the command line. */
export function cliPage(described: Described): string {
  return [
    '# The command line',
    wrapped(
      'In a clone and in a project, `npx tidemark COMMAND`. `tidemark COMMAND --help` says the same as this page. Results go to ' +
        'stdout. Progress, counters and errors go to stderr. Exit codes: 0, it is done; 1, it went wrong; 2, it was called ' +
        'wrongly; 130, it was interrupted. Every command takes `--debug`, which shows the stack of an unexpected error.',
    ),
    commandTable(described, ''),
    ...described.map(([entry, command]) => commandText(entry, command)),
  ].join('\n\n');
}

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

function commandText({ name }: CommandEntry, { description, operands = [], options, examples }: Command): string {
  const words = operands.map((operand) => operand.name);
  const specs = Object.entries(options);
  return [
    `## tidemark ${name}`,
    code(['tidemark', name, ...(specs.length > 0 ? ['[OPTIONS]'] : []), ...words].join(' '), 'text'),
    wrapped(description),
    operands.map((operand) => wrappedLine(`- ${inline(operand.name)}: ${operand.description}`)).join('\n'),
    specs.length === 0 ? '' : table(['Option', 'Meaning', 'Default'], specs.map(optionRow)),
    examples.map(([line, meaning]) => `${code(line, 'sh')}\n\n${wrapped(sentence(capitalized(meaning)))}`).join('\n\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function optionRow([name, spec]: readonly [string, OptionSpec]): readonly string[] {
  const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  switch (spec.kind) {
    case 'flag':
      return [inline(`--${kebab}`), spec.description, ''];
    case 'negated':
      return [inline(`--no-${kebab}`), spec.description, ''];
    case 'value':
      return [
        inline(`--${kebab} <${spec.placeholder}>`),
        spec.description,
        spec.fallback === undefined ? '' : inline(shownDefault(spec.fallback)),
      ];
  }
}

function shownDefault(fallback: unknown): string {
  return typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
