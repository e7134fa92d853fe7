// The script that npm runs before it packs `tidemark` (prepack), and with the word `local`, `tidemark-local`. It is
// TypeScript's declarations, and the code by infra/package-contents.ts.
//
//   node infra/package.mjs [local] [--out FOLDER]    with a folder: the code alone, for a test, and the functions of a
//                                                    topic of Kafka only where their client is installed
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { cacheFolder } from './bundle/cache-folder.mjs';

const root = path.join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const isLocal = words.includes('local');
const out = words.includes('--out') ? path.resolve(words[words.indexOf('--out') + 1]) : undefined;

function declarations() {
  const { resolve } = createRequire(import.meta.url);
  const { status } = spawnSync(
    process.execPath,
    [path.join(path.dirname(resolve('typescript/package.json')), 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
    { cwd: root, stdio: ['ignore', process.stderr, process.stderr] },
  );
  if (status !== 0) process.exit(1);
}

/** The module that builds, which is TypeScript, from the cache folder, where its imports of packages resolve. */
async function contents() {
  const outfile = path.join(cacheFolder(root), `package-contents-${process.pid}.mjs`);
  try {
    await build({
      entryPoints: [path.join(root, 'infra', 'package-contents.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20.19',
      packages: 'external',
      logLevel: 'error',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile, { force: true });
  }
}

const { buildLocal, buildTidemark } = await contents();
try {
  if (isLocal) await buildLocal(root, out ?? path.join(root, 'infra', 'local', 'dist'));
  else await buildTidemark(root, out ?? path.join(root, 'dist'), out === undefined ? 'required' : 'ifInstalled');
} catch (error) {
  if (error?.name !== 'TidemarkError') throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
if (!isLocal && out === undefined) declarations();
