import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { commands } from '../../cli/commands.ts';
import { pointsTable, turnsText } from '../../cli/cost/points.ts';
import { usualQuestion } from '../../cli/cost/question.ts';
import { loadPipeline } from '../../cli/program/pipeline-file.ts';
import { lockOf } from '../../functions/core/definition/pipeline-lock.ts';
import deviceActions from '../../pipelines/device-actions.ts';

const root = new URL('../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');
const namesIn = (folder: string, end: string) =>
  readdirSync(new URL(`${folder}/`, root)).flatMap((name) => (name.endsWith(end) ? [`${folder}/${name}`] : []));
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const cache = fileURLToPath(new URL('.tidemark/', root));
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'documents-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The blocks of code of a document, by the language that it names. */
const blocksOf = (path: string) =>
  [...text(path).matchAll(/^ *```(\w*)[^\n]*\n(.*?)^ *```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));

/** The files of a folder that a pattern with one `*` names, as a shell has them. */
function filesMatching(pattern: string): readonly string[] {
  const [start = '', end = ''] = pattern.split('*');
  return namesIn(start.slice(0, start.lastIndexOf('/')), end).filter((name) => name.startsWith(start));
}

/** What a document shows as a command: the lines of its blocks, and what stands in backquotes in its prose. */
function shownIn(path: string): readonly string[] {
  const lines = blocksOf(path)
    .filter(({ language }) => language === '' || language === 'console' || language === 'sh')
    .flatMap(({ code }) => code.split('\n'));
  const prose = text(path).replace(/^ *```.*?^ *```$/gms, '');
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replace(/\s+/g, ' '));
  return [...lines, ...spans];
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Every option of a command, as it is written on the command line. */
async function optionsOf(name: string): Promise<ReadonlySet<string>> {
  const entry = commands.find((command) => command.name === name);
  const options = Object.entries((await entry?.load())?.default.options ?? {});
  return new Set([
    'debug',
    'help',
    ...options.map(([option, { kind }]) => `${kind === 'negated' ? 'no-' : ''}${kebab(option)}`),
  ]);
}

/** The text that signs webhooks on this machine. It is not a command, whatever it looks like. */
const localSecret = 'tidemark on this machine';

describe('the commands in the documents', () => {
  const shown = documents.flatMap((path) =>
    shownIn(path).flatMap((line) => (line === localSecret ? [] : [{ path, line }])),
  );
  const calls = shown.flatMap(({ path, line }) =>
    [...line.replace(/'[^']*'/g, '').matchAll(/\b(?<!install |--prefix )tidemark ([a-z]+)((?: [^|;#`)]*)?)/g)].map(
      ([call, name = '', rest = '']) => ({ path, call, name, rest }),
    ),
  );

  it('are commands of tidemark, with options that they have', async () => {
    expect(calls.length).toBeGreaterThan(100);
    const wrong: string[] = [];
    for (const { path, call, name, rest } of calls) {
      if (!commands.some((command) => command.name === name)) wrong.push(`${path}: ${call}`);
      const known = await optionsOf(name);
      for (const [, option = ''] of rest.matchAll(/(?<=\s)--([a-z][a-z-]*)/g))
        if (!known.has(option)) wrong.push(`${path}: ${call.trim()}: --${option}`);
    }
    expect(wrong).toEqual([]);
  });

  it('are scripts of package.json where npm runs them', () => {
    const scriptsOf = (path: string): Readonly<Record<string, string>> => JSON.parse(text(path)).scripts;
    // The tutorial is about the project that `tidemark init` writes.
    const scripts = { ...scriptsOf('package.json'), ...scriptsOf('cli/init/template/package.json') };
    const named = shown.flatMap(({ path, line }) =>
      [...line.matchAll(/\bnpm run (?:-s )?([a-z][a-z:-]*)/g)].map(([, script = '']) => ({ path, script })),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ script }) => scripts[script] === undefined)).toEqual([]);
  });
});

describe('the terminals in the documents', () => {
  // The tutorial's are run in a project of their own (test/package/tutorial.test.ts).
  const sessions = documents.flatMap((path) =>
    (path === 'docs/tutorial.md' ? [] : blocksOf(path))
      .filter(({ language, code }) => language === 'console' && code.startsWith('$ npx tidemark '))
      .map(({ code }) => ({
        path,
        call: code.slice(2, code.indexOf('\n')),
        output: code.slice(code.indexOf('\n') + 1),
      })),
  );

  it.each(sessions)('$path shows what $call prints', async ({ call, output }) => {
    const [, , ...words] = call.split(' ').flatMap((word) => (word.includes('*') ? filesMatching(word) : [word]));
    const launcher = fileURLToPath(new URL('cli/tidemark.mjs', root));
    const { stdout } = await promisify(execFile)(process.execPath, [launcher, ...words], { cwd: fileURLToPath(root) });
    expect(stdout).toBe(output);
  });
});

describe('the pipelines in the documents', () => {
  const whole = documents.flatMap((path) =>
    blocksOf(path)
      .filter(({ language, code }) => language === 'ts' && /^export default definePipeline/m.test(code))
      .filter(({ code }) => code.includes("from 'tidemark'") && !code.includes('...'))
      .map(({ code }, index) => ({ path, code, index })),
  );

  it('are there, in the README and in the page about them', () => {
    expect(whole.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', 'docs/pipelines.md']));
  });

  it.each(whole)('can be loaded: $path', async ({ path, code, index }) => {
    const file = join(folder, `${path.replace(/\W/g, '-')}-${index}.ts`);
    writeFileSync(file, code);
    const pipeline = await loadPipeline(file);
    expect(pipeline.queries.length).toBeGreaterThan(0);
    if (path === 'README.md') expect(lockOf(pipeline)).toEqual(lockOf(deviceActions));
  });
});

/**
 * The test that the README shows, written beside its pipeline as a user has them. Its import registers it here. The
 * folder lies in the package, so that the packages of both are found.
 */
const [shownPipeline, shownTest] = ['definePipeline', 'runPipeline'].map(
  (word) => blocksOf('README.md').find(({ language, code }) => language === 'ts' && code.includes(word))?.code ?? '',
);
const source = (path: string) => JSON.stringify(fileURLToPath(new URL(path, root)));
const withSources = (code = '') =>
  code
    .replace("'tidemark/testing'", source('functions/testing/index.ts'))
    .replace("'tidemark'", source('functions/core/index.ts'));
writeFileSync(join(folder, 'pipeline.ts'), withSources(shownPipeline));
writeFileSync(join(folder, 'pipeline.test.ts'), withSources(shownTest));
await import(/* @vite-ignore */ pathToFileURL(join(folder, 'pipeline.test.ts')).href);

describe('the README', () => {
  it('has a pipeline and a test of it', () => {
    expect(shownPipeline).toContain("from 'tidemark'");
    expect(shownTest).toMatch(/^test\('.*expect\(/ms);
  });

  it('has at most 120 lines', () => {
    expect(text('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(120);
  });

  it('leads to every page of docs', () => {
    const linked = [...text('README.md').matchAll(/\]\((docs\/[^)#]+\.md)/g)].map(([, path]) => path);
    expect(namesIn('docs', '.md').filter((path) => !linked.includes(path))).toEqual([]);
  });

  it('says of the cost what `tidemark cost` says', () => {
    const shown = text('README.md');
    expect(shown).toContain(`\n\n${pointsTable().join('\n')}\n\n`);
    expect(shown.replaceAll('\n', ' ')).toContain(turnsText({ ...usualQuestion, shards: 2 }));
  });
});

describe('the drawings', () => {
  const drawings = namesIn('docs/concepts', '.svg');

  it('are all shown by the page of concepts', () => {
    const shown = [...text('docs/concepts.md').matchAll(/\]\((concepts\/[^)]+)\)/g)].map(([, path]) => `docs/${path}`);
    expect(shown.sort()).toEqual([...drawings].sort());
  });

  it.each(drawings)('has a title, colours for light and dark, and nothing from elsewhere: %s', (path) => {
    const svg = text(path);
    expect(svg).toMatch(/<title id="title">[^<]+<\/title>/);
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import|<script|href=/);
    const defined = new Set([...svg.matchAll(/--([a-z-]+):/g)].map(([, name]) => name));
    const used = [...svg.matchAll(/var\(--([a-z-]+)\)/g)].map(([, name]) => name);
    expect(used.filter((name) => !defined.has(name))).toEqual([]);
    const [, light = ''] = /:root \{([^}]*)\}/.exec(svg) ?? [];
    const [, dark = ''] = /dark\) \{\s*:root \{([^}]*)\}/.exec(svg) ?? [];
    const names = (colours: string) => [...colours.matchAll(/--([a-z-]+):/g)].map(([, name]) => name).sort();
    expect(names(dark)).toEqual(names(light));
    expect(posix.basename(path)).toMatch(/^[a-z-]+\.svg$/);
  });
});
