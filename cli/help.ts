import { type Command as Commander, Help } from 'commander';
import { widthOf } from './print/width.ts';
import { wrapped } from './print/wrap.ts';
import type { Command } from './program/command.ts';
import type { Output } from './program/output.ts';

/** The heading of the options that say where a command connects to. */
export const connectionHeading = 'Connection:';

/** The topic of `tidemark help` that explains them, for all commands. */
export const connectionTopic = 'connection';

/** The width of help: that of the terminal, and 80 in a pipe. Longer lines than 100 are hard to read. */
export function helpWidth(output: Output): number {
  return Math.min(100, output.isTTY === true ? widthOf(output) : 80);
}

/** Help of a command that lists its own options alone: those of the connection are in their topic. */
export const helpStyle: Partial<Help> = {
  subcommandTerm: (command) => command.name(),
  visibleCommands: (command) =>
    Help.prototype.visibleCommands.call(new Help(), command).filter((sub) => sub.name() !== 'help'),
  commandUsage: (command) =>
    command.name() === connectionTopic
      ? 'tidemark COMMAND [CONNECTION]'
      : Help.prototype.commandUsage.call(new Help(), command),
  visibleOptions(this: Help, command) {
    const all = Help.prototype.visibleOptions.call(this, command);
    return command.name() === connectionTopic
      ? all
      : all.filter((option) => option.helpGroupHeading !== connectionHeading);
  },
};

/** The end of a command's help: how it is told where to connect to, and whole command lines. */
export function helpEnd(command: Commander, examples: Command['examples'], width: number): string {
  const connection = command.options
    .filter((option) => option.helpGroupHeading === connectionHeading)
    .map(({ flags }) => flags.replace(/^(--\w+) <(.*)>$/, (_all, name, value) => `${name} ${value.toUpperCase()}`));
  const where =
    connection.length === 0
      ? ''
      : `\n${wrapped(`${connectionHeading} ${connection.join(', ')} (tidemark help ${connectionTopic})`, width)}\n`;
  const lines = examples.map(
    ([line, meaning]) =>
      `${commandLine(line, width)}\n${wrapped(`      ${meaning}`, width).replace(/\n {8}/g, '\n      ')}`,
  );
  return `${where}\nExamples:\n${lines.join('\n')}`;
}

/** A command line that can be pasted into a shell, however narrow the terminal: it goes on behind a backslash. */
function commandLine(line: string, width: number): string {
  const [first = '', ...words] = line.split(/ (?=[-'>|])/);
  const lines = [`  ${first}`];
  for (const word of words) {
    const joined = `${lines.at(-1)} ${word}`;
    if (joined.length + 2 <= width) lines[lines.length - 1] = joined;
    else {
      lines[lines.length - 1] += ' \\';
      lines.push(`    ${word}`);
    }
  }
  return lines.join('\n');
}
