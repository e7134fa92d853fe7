import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { cacheFolder } from '../../infra/bundle/cache-folder.mjs';
import { exportedPipeline, pipelineBuild, withoutPipeline } from '../../infra/bundle/pipeline.ts';
import { bundlingFailure, loadingFailure } from '../../infra/bundle/pipeline-failure.ts';
import { messageOf } from '../../infra/local/account/local-error.ts';
import { knownBundle, noteBundle } from './bundle-index.ts';
import { TidemarkError, UsageError } from './errors.ts';
import { packageRoot } from './package-root.ts';

/** The pipeline of a command that names none. */
export const defaultPipeline = 'device-actions';

const pipelinesFolder = path.join(packageRoot, 'pipelines');

/** The names of the files under `pipelines/`. */
export function namedPipelines(): readonly string[] {
  return readdirSync(pipelinesFolder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -3));
}

/**
 * The file of a pipeline: `NAME` under `pipelines/` of the package, or the path of any TypeScript (or JavaScript) file,
 * relative to the current folder.
 * @throws UsageError when there is neither
 */
export function resolvePipelineFile(nameOrPath: string): string {
  if (/^[\w-]+$/.test(nameOrPath)) {
    const named = path.join(pipelinesFolder, `${nameOrPath}.ts`);
    if (existsSync(named)) return named;
  }
  const file = path.resolve(nameOrPath);
  if (existsSync(file) && statSync(file).isFile()) return file;
  throw new UsageError(
    `--pipeline ${nameOrPath} is neither a file nor one of ${namedPipelines().join(', ')}: correct the path or the name`,
  );
}

/**
 * Bundles a pipeline's file on the fly and gives its default export. It may import `tidemark` (the pipeline language)
 * and, when it has no copy of its own, the package's dependencies such as zod.
 * @throws UsageError when there is no such file; TidemarkError, on one line, when it does not compile, throws, or
 * exports no pipeline
 */
export async function loadPipeline(nameOrPath: string): Promise<Pipeline> {
  return (await loadPipelineBundle(nameOrPath)).pipeline;
}

/**
 * The pipeline and its bundle. The bundle is an ES module that other threads can import without bundling again. Errors
 * as {@link loadPipeline}.
 */
export async function loadPipelineBundle(
  nameOrPath: string,
): Promise<{ readonly pipeline: Pipeline; readonly bundle: string }> {
  const file = resolvePipelineFile(nameOrPath);
  const bundle = await bundlePipeline(file);
  const module = await importBundled(bundle, file);
  const pipeline = exportedPipeline(module);
  if (pipeline === undefined) throw new TidemarkError(withoutPipeline(file));
  return { pipeline, bundle };
}

/**
 * Bundles into a file named by the hash of its content. A rename puts it in place, so that concurrent runs share it.
 */
async function bundlePipeline(file: string): Promise<string> {
  const folder = cacheFolder(packageRoot);
  const known = knownBundle(folder, file);
  if (known !== undefined) {
    await used(known);
    return known;
  }
  const startedMs = Date.now();
  const { build } = await import('esbuild');
  const result = await build({
    ...pipelineBuild(packageRoot, 'esm'),
    entryPoints: [file],
    write: false,
    sourcemap: 'inline',
    metafile: true,
  }).catch((error: unknown) => {
    const line = bundlingFailure(error, packageRoot) ?? `${file} cannot be bundled: ${messageOf(error)}`;
    throw new TidemarkError(line, { cause: error });
  });
  const code = result.outputFiles[0]?.contents ?? new Uint8Array();
  const bundled = path.join(folder, `pipeline-${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`);
  if (existsSync(bundled)) await used(bundled);
  else {
    const draft = path.join(folder, `draft-${randomUUID()}.mjs`);
    try {
      await writeFile(draft, code);
      await rename(draft, bundled);
    } finally {
      await rm(draft, { force: true });
    }
  }
  const inputs = Object.keys(result.metafile.inputs).map((input) => path.resolve(packageRoot, input));
  noteBundle(folder, file, bundled, inputs, startedMs);
  return bundled;
}

/** The launcher removes bundles that were not used for a day. */
async function used(bundled: string): Promise<void> {
  const now = new Date();
  await utimes(bundled, now, now);
}

async function importBundled(bundled: string, file: string): Promise<{ readonly default?: unknown }> {
  // With them, an error tells the line of the file that it comes from. Every module that is loaded later would pay for
  // them too, so they are left on only where the launcher has turned them on.
  process.setSourceMapsEnabled(true);
  try {
    return await import(pathToFileURL(bundled).href);
  } catch (error) {
    throw new TidemarkError(loadingFailure(error, file), { cause: error });
  } finally {
    process.setSourceMapsEnabled(process.argv.includes('--debug'));
  }
}
