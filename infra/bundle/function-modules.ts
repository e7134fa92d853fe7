import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The modules of the functions, in the two forms that they have. In a clone they are the TypeScript of `functions`. In
 * the package they are the same files under `dist/functions`, bundled once, when it was packed, with all the packages
 * that they need. What a deployment chooses is left open there as it is in the sources: `#pipeline`, `#batches`,
 * `#stream`, `#sink` and `#window-function`. So both are bundled with a pipeline by the same options, and the package
 * needs none of the packages of its functions. The modules share chunks, so the pipeline language is there once.
 */

const builtFolder = ['dist', 'functions'] as const;

/** The form that the modules of a package have. */
export function functionsForm(packageFolder: string): 'sources' | 'built' {
  return existsSync(join(packageFolder, 'functions', 'core', 'index.ts')) ? 'sources' : 'built';
}

/**
 * A module of the functions, absolute.
 * @param name its path below `functions`, without an extension: `query`, `sinks/sqs`
 */
export function functionModule(packageFolder: string, name: string): string {
  return functionsForm(packageFolder) === 'sources'
    ? join(packageFolder, 'functions', `${name}.ts`)
    : join(packageFolder, ...builtFolder, `${name}.mjs`);
}
