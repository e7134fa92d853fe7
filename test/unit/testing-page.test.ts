import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { cacheFolder } from '../../infra/bundle/cache-folder.mjs';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';

const root = findPackageRoot();
const page = readFileSync(path.join(root, 'docs', 'testing.md'), 'utf8');
const blocks = [...page.matchAll(/^```ts(?: (\S+))?\n(.*?)^```$/gms)].map(([, file, code = '']) => ({ file, code }));

/** The tests of the page, as somebody makes them who copies its blocks into two files. */
async function testsOfPage(): Promise<readonly { readonly name: string; readonly run: () => Promise<void> }[]> {
  const folder = mkdtempSync(path.join(cacheFolder(root), 'testing-page-'));
  try {
    for (const { file, code } of blocks) if (file !== undefined) writeFileSync(path.join(folder, file), code);
    const tests = blocks.flatMap(({ file, code }) => (file === undefined ? [code] : []));
    writeFileSync(path.join(folder, 'page.test.ts'), tests.join('\n'));
    // Stands for vitest, which cannot be started from within itself: it keeps the tests.
    writeFileSync(
      path.join(folder, 'runner.ts'),
      'export const tests = [];\nexport const test = (name, run) => tests.push({ name, run });\n' +
        'export const expect = (...args) => globalThis.expectOfPage(...args);\n',
    );
    writeFileSync(path.join(folder, 'all.ts'), "import './page.test.ts';\nexport { tests } from './runner.ts';\n");
    await build({
      entryPoints: [path.join(folder, 'all.ts')],
      outfile: path.join(folder, 'all.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      // Node 20 has no `await using`.
      target: 'node20.19',
      alias: {
        tidemark: path.join(root, 'functions/core/index.ts'),
        'tidemark/testing': path.join(root, 'functions/testing/index.ts'),
        vitest: path.join(folder, 'runner.ts'),
      },
      nodePaths: [path.join(root, 'node_modules')],
      logLevel: 'error',
    });
    return (await import(/* @vite-ignore */ pathToFileURL(path.join(folder, 'all.mjs')).href)).tests;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('the tests of docs/testing.md pass', async () => {
  Object.assign(globalThis, { expectOfPage: expect });
  const tests = await testsOfPage();
  expect(tests.map(({ name }) => name)).toHaveLength(page.match(/^test\(/gm)?.length ?? 0);
  expect(tests.length).toBeGreaterThan(3);
  for (const { run } of tests) await run();
});
