import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { TidemarkError } from '../functions/core/arguments/error.ts';
import type { Pipeline } from '../functions/core/definition/pipeline.ts';
import { checkAgainstLock, lockFileOf, parseLock } from '../functions/core/definition/pipeline-lock.ts';
import { moduleFolders, refusedByBundler } from './bundle/functions.ts';
import { loadingFailure } from './bundle/pipeline-failure.ts';
import { toldError } from './function-code.ts';

const packageFolder = join(import.meta.dirname, '..');

/**
 * Compares a pipeline's file with the lock beside it, if there is one: what could not go on with the windows of an
 * earlier deployment is refused before anything is deployed.
 * @throws TidemarkError that says what has changed
 */
export function checkLock(pipelineFile: string): void {
  const file = lockFileOf(resolve(pipelineFile));
  if (existsSync(file))
    checkAgainstLock(parseLock(file, readFileSync(file, 'utf8')), loadPipeline(resolve(pipelineFile)));
}

/**
 * The pipeline of a file: its sinks and queries say what is deployed besides the functions.
 * @throws TidemarkError, one line with the place, when the file does not compile
 */
export function pipelineOf(pipelineFile: string): Pipeline {
  try {
    return loadPipeline(resolve(pipelineFile));
  } catch (error) {
    throw toldError(error, process.cwd());
  }
}

/**
 * A construct cannot wait, so the pipeline is bundled and run at once, as CommonJS. It is pure: nothing of it outlives
 * the look at it.
 */
function loadPipeline(file: string): Pipeline {
  const { outputFiles } = buildSync({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
    logOverride: refusedByBundler,
    alias: { tidemark: join(packageFolder, 'functions', 'core', 'index.ts') },
    nodePaths: [...moduleFolders(packageFolder)],
  });
  const module: { exports: { readonly default?: Pipeline } } = { exports: {} };
  const run = new Function('module', 'exports', 'require', outputFiles[0]?.text ?? '');
  try {
    run(module, module.exports, createRequire(file));
  } catch (error) {
    throw new TidemarkError(loadingFailure(error, file), { cause: error });
  }
  if (module.exports.default === undefined) throw new Error(`${file} has no default export`);
  return module.exports.default;
}
