import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Mutation } from './mutations.ts';

/** The simulator's engine. */
export type Engine = typeof import('./engine.ts');

/** One ES module of our own code; packages stay outside. */
const oneFile = { bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'silent' } as const;

/**
 * Bundles the engine with the production code, patched by a mutation if there is one, and returns the file.
 * @throws when a patch does not apply
 */
export async function bundleEngine(repository: string, mutation: Mutation | undefined): Promise<string> {
  const outfile = `${repository}/.tidemark/simulation/engine-${mutation?.id ?? 'whole'}.mjs`;
  const patched = new Set<string>();
  await build({
    entryPoints: [`${repository}/test/simulation/engine.ts`],
    outfile,
    ...oneFile,
    plugins: [
      {
        name: 'mutation',
        setup({ onLoad }) {
          onLoad({ filter: /functions[\\/].*\.ts$/ }, ({ path }) => {
            const file = relative(repository, path).replaceAll('\\', '/');
            const edits = (mutation?.edits ?? []).filter((edit) => edit.file === file);
            if (edits.length === 0) return undefined;
            patched.add(file);
            return {
              contents: edits.reduce(
                (text, { find, replace }) => patch(text, file, find, replace),
                readFileSync(path, 'utf8'),
              ),
              loader: 'ts',
            };
          });
        },
      },
    ],
  });
  for (const { file } of mutation?.edits ?? [])
    if (!patched.has(file)) throw new Error(`mutation ${mutation?.id}: ${file} is not part of the simulation`);
  return outfile;
}

/** The text of a file with one edit applied. @throws when the edit's place is missing, or there more than once */
export function patch(text: string, file: string, find: string, replace: string): string {
  const found = [...text.matchAll(inAnyLayout(find))];
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(
      `mutation of ${file} does not apply: ${only ? 'found twice' : 'not found'}: ${find.trim().slice(0, 80)}`,
    );
  return text.slice(0, only.index) + replace + text.slice(only.index + only[0].length);
}

/**
 * Matches the text in any layout of the formatter: with any space between its tokens, and with or without a last comma.
 */
function inAnyLayout(find: string): RegExp {
  const tokens = find.match(/\w+|[^\w\s]/gu) ?? [];
  const pattern = tokens
    .map((token) => (/[)\]}]/.test(token) ? `,?\\s*${escaped(token)}` : escaped(token)))
    .join('\\s*')
    .replaceAll(',\\s*,?\\s*', ',?\\s*');
  return new RegExp(pattern, 'gu');
}

function escaped(token: string): string {
  return token.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** Bundles the worker that runs seeds beside others, and returns the file. */
export async function bundleWorker(repository: string): Promise<string> {
  const outfile = `${repository}/.tidemark/simulation/tally-worker.mjs`;
  await build({
    entryPoints: [`${repository}/test/simulation/tally-worker.ts`],
    outfile,
    ...oneFile,
  });
  return outfile;
}

/** Loads a bundled engine. */
export async function loadEngine(file: string): Promise<Engine> {
  return (await import(pathToFileURL(file).href)) as Engine;
}
