import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { program } from '../../cli/parser.ts';

const root = new URL('../../', import.meta.url);
const pages = [
  'README.md',
  ...readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The command lines in the blocks of code of a page: those that begin with the command, up to a comment or a pipe. */
function commandLines(page: string): readonly string[] {
  const blocks = [...readFileSync(new URL(page, root), 'utf8').matchAll(/^ *```(\w*)\n(.*?)^ *```$/gms)];
  return blocks
    .filter(([, language]) => language === '' || language === 'sh')
    .flatMap(([, , text = '']) => text.replace(/\\\n\s*/g, '').split('\n'))
    .flatMap((line) => /^ *(?:\$ )?(?:npx )?tidemark (.*?)(?: +#.*| \|.*| >.*| &)?$/.exec(line)?.[1] ?? []);
}

/** The words of a command line, as a shell reads them, without its globs. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );
}

const told = pages.flatMap((page) => commandLines(page).map((line) => ({ page, line })));

describe('the documents', () => {
  it('have command lines', () => expect(told.length).toBeGreaterThan(60));

  it('have command lines that are understood', async () => {
    const refused: string[] = [];
    const parser = await program();
    for (const { page, line } of told) {
      await parser.parseAsync(wordsOf(line), { from: 'user' }).catch((error: unknown) => {
        refused.push(`${page}: tidemark ${line}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
    expect(refused).toEqual([]);
  });

  it('would see one that is not', async () => {
    const parser = await program();
    await expect(parser.parseAsync(['windows', '--portt', '4500'], { from: 'user' })).rejects.toThrow('--portt');
  });
});
