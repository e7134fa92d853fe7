import { dirname, join } from 'node:path';
import type { BuildOptions } from 'esbuild';

/**
 * How the functions become one file each, written once: the CDK and the embedded AWS bundle with the same settings, so that what was tried on a
 * laptop is what is deployed (DESIGN section 7).
 */

/** What {@link functionBuild} needs. Paths are absolute. */
export interface FunctionBuild {
  /** The entry file of each function, by the name of its bundle without the extension. */
  readonly entries: Readonly<Record<string, string>>;
  /** What the import `#pipeline` in an entry file stands for. It may lie outside this package. */
  readonly pipelineFile: string;
  /** The folder of this package. */
  readonly packageFolder: string;
}

/** What a bundle's name ends with: an ES module, whatever the package.json beside it says. */
export const bundleExtension = '.mjs';

/**
 * Some bundled packages are CommonJS and call `require` for Node's own modules; an ES module has none, so one is made.
 * The name is not `createRequire`, because bundled code may import that too.
 */
const requireBanner = "import { createRequire as tidemarkCreateRequire } from 'node:module'; const require = tidemarkCreateRequire(import.meta.url);";

/**
 * esbuild's options for functions: ES modules that hold everything, the AWS SDK included (the runtime's own copy changes without notice, and an
 * emulator may replace it by stubs). A pipeline outside this package may import `tidemark`, and zod when it has no copy of its own.
 */
export function functionBuild({ entries, pipelineFile, packageFolder }: FunctionBuild): BuildOptions {
  return {
    absWorkingDir: packageFolder,
    entryPoints: { ...entries },
    bundle: true,
    platform: 'node',
    format: 'esm',
    // The oldest Node that runs the functions: this machine's, in the embedded AWS.
    target: 'node20',
    // The SDK's ES modules shake to less than half the size of its CommonJS ones, and a cold start pays for size.
    mainFields: ['module', 'main'],
    banner: { js: requireBanner },
    outExtension: { '.js': bundleExtension },
    alias: { '#pipeline': pipelineFile, tidemark: join(packageFolder, 'functions', 'core', 'index.ts') },
    nodePaths: [...moduleFolders(packageFolder)],
  };
}

/** Where Node looks for the packages of a folder: an installation may put them beside this package instead of below it. */
export function moduleFolders(folder: string): readonly string[] {
  const parent = dirname(folder);
  return [join(folder, 'node_modules'), ...(parent === folder ? [] : moduleFolders(parent))];
}
