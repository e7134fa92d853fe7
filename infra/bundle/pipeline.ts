import { dirname, join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { functionModule } from './function-modules.ts';

/**
 * The bundling of a pipeline, written once: for the functions, for the construct that looks at it, and for the command
 * line. A pipeline that one of them accepts is accepted by the others too.
 */

/**
 * Some bundled packages are CommonJS and call `require` for Node's own modules. An ES module has no `require`, so one
 * is made. The name is not `createRequire`, because bundled code may import that too.
 */
const requireBanner =
  "import { createRequire as tidemarkCreateRequire } from 'node:module'; const require = tidemarkCreateRequire(import.meta.url);";

/**
 * Warnings of esbuild that are errors here, because something is lost: the first of two members of one name in an
 * object literal, and with it an aggregate or a query.
 */
const refusedByBundler = { 'duplicate-object-key': 'error' } as const satisfies BuildOptions['logOverride'];

/**
 * esbuild's options for a pipeline, and for a function with one inside. Everything goes into the bundle, because it may
 * lie where no packages are. A pipeline outside this package may import `tidemark`. It may also import a dependency of
 * this package, such as zod, when it has no copy of its own.
 * @param format an ES module, or CommonJS for a caller that cannot wait for an import
 */
export function pipelineBuild(packageFolder: string, format: 'esm' | 'cjs') {
  return {
    absWorkingDir: packageFolder,
    bundle: true,
    platform: 'node',
    format,
    // The oldest Node that runs it: this machine's.
    target: 'node20.19',
    // Tree shaking makes the AWS SDK's ES modules less than half the size of its CommonJS ones. Size slows a cold
    // start.
    mainFields: ['module', 'main'],
    ...(format === 'esm' ? { banner: { js: requireBanner } } : {}),
    alias: { tidemark: functionModule(packageFolder, 'core/index') },
    nodePaths: [...moduleFolders(packageFolder)],
    logLevel: 'silent',
    logOverride: refusedByBundler,
  } as const satisfies BuildOptions;
}

/**
 * The folders in which Node looks for the packages of a folder. An installation may put them beside this package
 * instead of below it.
 */
export function moduleFolders(folder: string): readonly string[] {
  const parent = dirname(folder);
  return [join(folder, 'node_modules'), ...(parent === folder ? [] : moduleFolders(parent))];
}

/** The pipeline that a bundled file exports; undefined when its default export is not one. */
export function exportedPipeline(exports: { readonly default?: unknown }): Pipeline | undefined {
  return isPipeline(exports.default) ? exports.default : undefined;
}

/** The message for a file that exports no pipeline. */
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
