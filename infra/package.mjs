// The script that npm runs before it packs (prepack). It makes JavaScript and declarations for the importers of this
// package, because Node reads no TypeScript under node_modules. The command line and the functions stay TypeScript in
// the package: they are bundled where they are used.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.join(import.meta.dirname, '..');
rmSync(path.join(root, 'dist'), { recursive: true, force: true });
const { bin } = createRequire(import.meta.url)('typescript/package.json');
const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), bin.tsc);
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', process.stderr, process.stderr],
});
if (status !== 0) process.exit(1);
await build({
  absWorkingDir: root,
  entryPoints: { index: 'functions/core/index.ts', testing: 'functions/testing/index.ts', cdk: 'infra/cdk.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'shared-[hash]',
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'error',
});
