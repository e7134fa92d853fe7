import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** The repository's folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Loads a program of test/, which is TypeScript, on plain Node. It is bundled into a folder of this process, beside the
 * package's dependencies. The folder is removed when the process ends.
 * @param {string} entry its file, from the repository's root
 */
export async function bundled(entry) {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const cache = path.join(root, 'node_modules', '.cache', 'tidemark-test');
  mkdirSync(cache, { recursive: true });
  const outdir = mkdtempSync(path.join(cache, 'run-'));
  process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));
  await build({
    absWorkingDir: root,
    entryPoints: { main: entry },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'inline',
    logLevel: 'error',
  });
  return import(pathToFileURL(path.join(outdir, 'main.mjs')).href);
}
