import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { apiIndex, apiPage, placesOf } from './api-page.ts';
import { cliIndex, cliPage, commandLine } from './cli-page.ts';
import { declarationsOf } from './declarations.ts';
import { wrapped } from './markdown.ts';
import { apiPages } from './pages.ts';

const made = '<!-- Made by `npm run docs` of doc comments and of the commands. Change those, not this page. -->';

/** The pages of the reference: their text by their path below docs. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const declarations = declarationsOf(apiPages.map(({ entry }) => entry));
  const exports = apiPages.map((page, i) => ({ page, all: declarations[i] ?? [] }));
  const places = placesOf(exports);
  const commands = await commandLine();
  const index = [
    '# Reference',
    wrapped(
      'Everything that a pipeline, its tests, its deployment and the command line are made of. The pages are made of the doc ' +
        'comments of the code and of the help of the commands, so they say what the code says.',
    ),
    ...exports.map(
      (one) => `## [${one.page.title}](${one.page.file}): \`${one.page.module}\`

${apiIndex(one, places)}`,
    ),
    `## [The command line](reference/cli.md)\n\n${cliIndex(commands)}`,
  ].join('\n\n');
  const texts = [
    ['reference.md', index],
    ...exports.map((one) => [one.page.file, apiPage(one, places)]),
    ['reference/cli.md', cliPage(commands)],
  ] as const;
  return new Map(texts.map(([file, text]) => [file ?? '', `${made}\n\n${text}\n`]));
}

/**
 * Writes the pages, or compares them with those that are there.
 * @returns the exit code: 1 when a page is not as it would be written
 */
export async function main(argv: readonly string[], docs: string): Promise<number> {
  const unknown = argv.find((word) => word !== '--check');
  if (unknown !== undefined) {
    process.stderr.write(`docs: ${unknown} is not an option: give --check, or nothing to write the pages\n`);
    return 2;
  }
  const stale: string[] = [];
  for (const [file, text] of await referencePages()) {
    const target = path.join(docs, file);
    if (textOf(target) === text) continue;
    stale.push(`docs/${file}`);
    if (argv.includes('--check')) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  if (stale.length === 0) process.stdout.write('docs: the reference is as the code says\n');
  else if (argv.includes('--check'))
    process.stderr.write(`docs: not as the code says: ${stale.join(', ')}: run npm run docs\n`);
  else process.stdout.write(`docs: wrote ${stale.join(', ')}\n`);
  return argv.includes('--check') && stale.length > 0 ? 1 : 0;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
