// The script that npm runs before it packs `tidemark` (prepack), and with the word `local`, `tidemark-local`. It is
// TypeScript's declarations, and the code by infra/package-contents.ts.
//
//   node infra/package.mjs [local] [--out FOLDER]    with a folder: the code alone, for a test
//   node infra/package.mjs publication               before npm publishes: refuses what would lack a function
//
// The functions of a topic of Kafka are in it only where their client is installed. A publication needs them.
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

const { buildLocal, buildTidemark, hasKafkaClient } = await contents();
const missing = hasKafkaClient(root) ? undefined : '@platformatic/kafka is missing: npm ci under Node 22.19 brings it';
if (isLocal) await buildLocal(root, out ?? path.join(root, 'infra', 'local', 'dist'));
else if (words.includes('publication')) {
  if (missing !== undefined) process.stderr.write(`${missing}\n`);
  process.exitCode = missing === undefined ? 0 : 1;
} else {
  if (missing !== undefined && out === undefined)
    process.stderr.write(`warning: packed without the functions of a topic of Kafka: ${missing}\n`);
  await buildTidemark(root, out ?? path.join(root, 'dist'));
  if (out === undefined) declarations();
}
