import wrapAnsi from 'wrap-ansi';
import type { Output } from '../program/output.ts';
import { widthOf } from './width.ts';

/** Lines of text that are longer than a width, broken between words; what follows is indented by two blanks. */
export function wrapped(text: string, width: number): string {
  if (!Number.isFinite(width)) return text;
  return text
    .split('\n')
    .map((line) => (line.length <= width ? line : wrappedLine(line, width)))
    .join('\n');
}

function wrappedLine(line: string, width: number): string {
  const indent = /^ */.exec(line)?.[0] ?? '';
  const [first = '', ...rest] = wrapAnsi(line.trimStart(), width - indent.length - 2, { hard: false }).split('\n');
  return [`${indent}${first}`, ...rest.map((more) => `${indent}  ${more}`)].join('\n');
}

/** Lines for people on an output, none longer than it is wide. */
export function printLines(text: string, out: Output): void {
  out.write(`${wrapped(text.trimEnd(), widthOf(out))}\n`);
}
