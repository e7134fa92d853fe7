import { dirname, join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';

/**
 * How a pipeline is bundled, written once: for the functions, for a look at it by the construct, and for the command
 * line. What one of them takes, the others take too.
 */

/**
 * Some bundled packages are CommonJS and call `require` for Node's own modules; an ES module has none, so one is made.
 * The name is not `createRequire`, because bundled code may import that too.
 */
const requireBanner =
  "import { createRequire as tidemarkCreateRequire } from 'node:module'; const require = tidemarkCreateRequire(import.meta.url);";

/**
 * What esbuild only warns of, and loses something: the first of two members of one name in an object literal, and with
 * it an aggregate or a query.
 */
const refusedByBundler = { 'duplicate-object-key': 'error' } as const satisfies BuildOptions['logOverride'];

/**
 * esbuild's options for a pipeline, and for a function with one inside: everything goes into the bundle, which may lie
 * where no packages are. A pipeline outside this package may import `tidemark`, and what this package depends on, such
 * as zod, when it has no copy of its own.
 * @param format an ES module, or CommonJS for who cannot wait until it is imported
 */
export function pipelineBuild(packageFolder: string, format: 'esm' | 'cjs') {
  return {
    absWorkingDir: packageFolder,
    bundle: true,
    platform: 'node',
    format,
    // The oldest Node that runs it: this machine's.
    target: 'node20.19',
    // The AWS SDK's ES modules shake to less than half the size of its CommonJS ones, and a cold start pays for size.
    mainFields: ['module', 'main'],
    ...(format === 'esm' ? { banner: { js: requireBanner } } : {}),
    alias: { tidemark: join(packageFolder, 'functions', 'core', 'index.ts') },
    nodePaths: [...moduleFolders(packageFolder)],
    logLevel: 'silent',
    logOverride: refusedByBundler,
  } as const satisfies BuildOptions;
}

/**
 * Where Node looks for the packages of a folder: an installation may put them beside this package instead of below it.
 */
export function moduleFolders(folder: string): readonly string[] {
  const parent = dirname(folder);
  return [join(folder, 'node_modules'), ...(parent === folder ? [] : moduleFolders(parent))];
}

/** The pipeline that a bundled file exports; undefined when its default export is not one. */
export function exportedPipeline(exports: { readonly default?: unknown }): Pipeline | undefined {
  return isPipeline(exports.default) ? exports.default : undefined;
}

/** What is wrong with a file that exports no pipeline. */
export function withoutPipeline(file: string): string {
  return `${file} has no pipeline as its default export: write export default definePipeline({ ... })`;
}

function isPipeline(value: unknown): value is Pipeline {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'queries' in value &&
    Array.isArray(value.queries) &&
    'delayMs' in value &&
    'eventTime' in value &&
    typeof value.eventTime === 'function'
  );
}
