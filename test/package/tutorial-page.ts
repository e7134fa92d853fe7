import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './audience.ts';

/** A command of the page. */
export interface Command {
  readonly kind: 'command';
  readonly line: string;
  /** The output that the page shows, as a pattern for the whole output without colours. */
  readonly output: RegExp;
  /** What the page says of it in a comment that a reader does not see. */
  readonly ends: 'well' | 'badly' | 'never';
  /** Whether a reader asks again, because the answer takes a while. */
  readonly again: boolean;
  /** What it needs beyond Node and the npm registry. */
  readonly needs?: string;
}

/** A change of a file, of which the page shows the new lines, or the lines before and after. */
export interface Change {
  readonly kind: 'change';
  readonly file: string;
  /** The file's new text. @throws Error when the page shows lines that the file does not have, or has twice */
  readonly of: (text: string) => string;
}

/** A step of docs/tutorial.md: a command, or a change of a file. */
export type Step = Command | Change;

/**
 * The steps of the page, in order. Blocks of `console` are commands, `ts >> FILE` is added to a file, and `diff FILE`
 * changes one. A comment before a block tells the test, with `;` between:
 * - `skip: REASON`: it is not run;
 * - `needs: X`: it needs more than Node and the npm registry;
 * - `fails`: its command ends with an error;
 * - `again: WORD`: the answer takes a while, so the command with this word is repeated until it is what the page shows;
 * - `stays`: its command runs until the end.
 */
export function tutorialSteps(): readonly Step[] {
  const page = readFileSync(path.join(root, 'docs', 'tutorial.md'), 'utf8');
  const blocks = page.matchAll(/(?:^<!-- ([^\n]*) -->\n)?^```(\w+)([^\n]*)\n(.*?)^```$/gms);
  return [...blocks].flatMap(([, comment = '', language = '', info = '', text = '']): readonly Step[] => {
    const marks = new Map(
      [...comment.matchAll(/(\w+)(?:: ([^;]*))?(?:; |$)/g)].map(([, name, value]) => [name, value]),
    );
    if (marks.has('skip')) return [];
    const file = info.replace('>>', '').trim();
    if (language === 'diff') return [{ kind: 'change', file, of: (before) => changed(before, text) }];
    if (language !== 'console') return [{ kind: 'change', file, of: (before) => before + text }];
    const needs = marks.get('needs');
    const ends = marks.has('fails') ? 'badly' : marks.has('stays') ? 'never' : 'well';
    return text
      .split(/^\$ /m)
      .slice(1)
      .map((shown) => {
        const end = shown.indexOf('\n');
        const output = outputPattern(shown.slice(end + 1));
        const line = shown.slice(0, end);
        const again = line.includes(marks.get('again') ?? '\n');
        return { kind: 'command', line, output, ends, again, ...(needs === undefined ? {} : { needs }) };
      });
  });
}

/** Applies the hunks of a diff without line numbers. */
function changed(text: string, diff: string): string {
  let now = text;
  for (const hunk of diff.split(/^\.\.\.\n/m)) {
    const side = (sign: string) =>
      hunk
        .split('\n')
        .filter((line) => line.startsWith(' ') || line.startsWith(sign))
        .map((line) => `${line.slice(1)}\n`)
        .join('');
    const parts = now.split(side('-'));
    if (parts.length !== 2) throw new Error(`the page changes lines that are there ${parts.length - 1} times: ${hunk}`);
    now = parts.join(side('+'));
  }
  return now;
}

/** What differs from machine to machine and from run to run, as it is written in a pattern. */
const varying: readonly (readonly [shown: RegExp, pattern: string])[] = [
  [/\d+m?s\b/g, '\\d+m?s'],
  [/added \d+ packages/g, 'added \\d+ packages'],
  [/127\\\.0\\\.0\\\.1:\d+/g, '127\\.0\\.0\\.1:\\d+'],
  [/execute-api\/\w+/g, 'execute-api/\\w+'],
];

/** A line of three dots stands for any lines, and three dots in a line for any characters of it. */
function outputPattern(shown: string): RegExp {
  const lines = shown.split('\n').map((line) => {
    if (line === '...') return '(?:.*\n)*?';
    const escaped = line.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('\\.\\.\\.', '.*');
    return varying.reduce((pattern, [each, instead]) => pattern.replace(each, () => instead), `${escaped}\n`);
  });
  // The text ends with a line break, after which there is an empty line.
  return new RegExp(`^${lines.slice(0, -1).join('')}$`);
}
