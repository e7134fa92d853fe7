import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { TidemarkError } from '../functions/core/arguments/error.ts';
import type { Pipeline } from '../functions/core/definition/pipeline.ts';
import { checkAgainstLock, lockFileOf, parseLock } from '../functions/core/definition/pipeline-lock.ts';
import { findPackageRoot } from './bundle/package-root.ts';
import { exportedPipeline, pipelineBuild, withoutPipeline } from './bundle/pipeline.ts';
import { bundlingFailure, loadingFailure } from './bundle/pipeline-failure.ts';
import { areUnchanged, type Stamp, stampOf } from './bundle/stamp.ts';

/**
 * Compares a pipeline's file with the lock beside it, if there is one. A pipeline that could not go on with the windows
 * of an earlier deployment is refused before anything is deployed.
 * @throws TidemarkError naming the change
 */
export function checkLock(pipelineFile: string): void {
  const file = lockFileOf(resolve(pipelineFile));
  if (existsSync(file)) checkAgainstLock(parseLock(file, readFileSync(file, 'utf8')), pipelineOf(pipelineFile));
}

/**
 * The pipeline of a file. Its sinks and queries determine what is deployed besides the functions. A construct cannot
 * wait, so the pipeline is bundled and run at once, as CommonJS. It is pure: running it leaves nothing behind.
 * @throws TidemarkError, one line with the place, when the file does not compile
 */
export function pipelineOf(pipelineFile: string): Pipeline {
  const file = resolve(pipelineFile);
  const module: { exports: { readonly default?: unknown } } = { exports: {} };
  const run = new Function('module', 'exports', 'require', bundled(file));
  try {
    run(module, module.exports, createRequire(file));
  } catch (error) {
    throw new TidemarkError(loadingFailure(error, file), { cause: error });
  }
  const pipeline = exportedPipeline(module.exports);
  if (pipeline === undefined) throw new TidemarkError(withoutPipeline(file));
  return pipeline;
}

/** A bundle, and the files that it was made of. */
interface Bundle {
  readonly text: string;
  readonly inputs: readonly Stamp[];
}

/** Bundles of this process: the lock, the construct and the app each ask for the pipeline of one file. */
const bundles = new Map<string, Bundle>();

function bundled(file: string): string {
  const known = bundles.get(file);
  if (known !== undefined && areUnchanged(known.inputs)) return known.text;
  const packageFolder = findPackageRoot();
  try {
    const { outputFiles, metafile } = buildSync({
      ...pipelineBuild(packageFolder, 'cjs'),
      entryPoints: [file],
      write: false,
      metafile: true,
    });
    const bundle = {
      text: outputFiles[0]?.text ?? '',
      inputs: Object.keys(metafile.inputs).map((input) => stampOf(resolve(packageFolder, input))),
    };
    bundles.set(file, bundle);
    return bundle.text;
  } catch (error) {
    const line = bundlingFailure(error, packageFolder);
    throw line === undefined ? error : new TidemarkError(line, { cause: error });
  }
}
