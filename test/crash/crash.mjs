/** Starts the crash test: it is TypeScript, so it is bundled into a folder of this run's own, beside the package's dependencies, and the folder goes with it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const cache = path.join(root, 'node_modules', '.cache', 'tidemark-crash');
mkdirSync(cache, { recursive: true });
const outdir = mkdtempSync(path.join(cache, 'run-'));
process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));
await build({
  absWorkingDir: root,
  entryPoints: ['test/crash/command.ts'],
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'error',
});
const { main } = await import(pathToFileURL(path.join(outdir, 'command.mjs')).href);
process.exitCode = await main(process.argv.slice(2));
