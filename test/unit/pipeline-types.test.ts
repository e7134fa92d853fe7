import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

/** Programs for the compiler. A line that it must refuse ends with `// error:` and words of the message. */
const folder = join(import.meta.dirname, '../fixtures/types');
const programs = readdirSync(folder).filter((name) => name.endsWith('.ts'));

interface Marker {
  readonly line: number;
  readonly words: readonly string[];
}

function markersOf(program: string): readonly Marker[] {
  const lines = readFileSync(join(folder, program), 'utf8').split('\n');
  return lines.flatMap((text, i) => {
    const marked = /\/\/ error: (.*)$/.exec(text)?.[1];
    return marked === undefined ? [] : [{ line: i + 1, words: marked.match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [] }];
  });
}

/** The messages of the compiler about the folder, by program and line. */
function compiled(): Promise<ReadonlyMap<string, string>> {
  const compiler = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
  return new Promise((resolve) => {
    execFile(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { cwd: folder }, (_, stdout) => {
      const errors = new Map<string, string>();
      for (const error of stdout.split(/\n(?=\S)/)) {
        const [, file, line] = /^(.+?)\((\d+),\d+\): error/.exec(error) ?? [];
        const place = file === undefined ? error.trim() : `${file}:${line}`;
        if (place !== '') errors.set(place, `${errors.get(place) ?? ''}${error}`);
      }
      resolve(errors);
    });
  });
}

describe('the compiler', () => {
  let errors: ReadonlyMap<string, string>;
  beforeAll(async () => {
    errors = await compiled();
  }, 120_000);

  it('refuses each line that is wrong, and no other', () => {
    const expected = programs.flatMap((program) => markersOf(program).map(({ line }) => `${program}:${line}`));
    expect([...errors.keys()].sort()).toEqual(expected.sort());
  });

  it.each(programs)('says in %s what is wrong in the words of the program', (program) => {
    for (const { line, words } of markersOf(program)) {
      const message = errors.get(`${program}:${line}`) ?? '';
      for (const word of words) expect(message, `line ${line}`).toContain(word);
    }
  });
});
