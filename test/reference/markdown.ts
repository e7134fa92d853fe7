/** Markdown as the documents of this project are written: lines of at most 120 columns. */

const columns = 120;

/**
 * Wraps the paragraphs and lists of a text. Blocks of code stay as they are.
 * @param indent put before every line: the text is inside of a list
 */
export function wrapped(text: string, indent = ''): string {
  const blocks = text.split(/^(```.*?^```)$/ms);
  return blocks
    .map((block, i) => (i % 2 === 1 ? indented(block, indent) : paragraphs(block, indent)))
    .filter((block) => block !== '')
    .join('\n\n');
}

function paragraphs(text: string, indent: string): string {
  return text
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph) =>
      paragraph
        .split(/\n(?=\s*(?:-|\d+\.) )/)
        .map((part) => wrappedLine(part.trim().replace(/\s+/g, ' '), indent))
        .join('\n'),
    )
    .join('\n\n');
}

/** A paragraph or an item of a list, whose further lines stand below its text. */
export function wrappedLine(text: string, indent = ''): string {
  const hanging = indent + ' '.repeat(/^(?:-|\d+\.) /.exec(text)?.[0].length ?? 0);
  const lines: string[] = [];
  let line = indent;
  // A word that would begin a list or a heading stays behind the word before it.
  for (const word of text.split(/ (?!(?:[-+*#>]|\d+\.)(?: |$))/)) {
    const begins = line.trim() === '';
    if (!begins && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = hanging + word;
    } else line += begins ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}

function indented(block: string, indent: string): string {
  return block.replace(/^(?=.)/gm, indent);
}

/** A block of code. */
export function code(text: string, language = 'ts'): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** Code inside of a line. A text with backticks in it gets more around it. */
export function inline(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** A table; bars inside of cells are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replace(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The anchor that GitHub makes of a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** The first sentence of a text. */
export function firstSentence(text: string): string {
  const line = oneLine(text.split(/\n\s*\n/)[0] ?? '');
  return (/^(?:[^.`]|`[^`]*`|\.+(?! [A-Z]|$)|\.{2,})*\.?/.exec(line)?.[0] ?? line).replace(/:$/, '.');
}

/** A text as one line that ends as a sentence does. */
export function sentence(text: string): string {
  const line = oneLine(text);
  return line === '' || /[.!?:]$/.test(line) ? line : `${line}.`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
