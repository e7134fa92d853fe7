import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { BuildOptions } from 'esbuild';
import type { Sink } from '../../../functions/core/definition/sink.ts';
import type { FunctionName } from '../../../functions/core/deployment/settings.ts';
import { cachedBundle } from '../../bundle/cache.ts';
import { functionModule, functionsForm } from '../../bundle/function-modules.ts';
import { builtPage, bundleExtension, functionBuild, type SourceKind } from '../../bundle/functions.ts';
import { bundlingFailure } from '../../bundle/pipeline-failure.ts';
import { type ProcessName, processFiles } from '../../bundle/process-files.ts';
import { LocalError, messageOf } from '../account/local-error.ts';

/** The entry file of each function, absolute. */
export type FunctionEntries = Readonly<Record<FunctionName, string>>;

/** The functions that run here: the pipeline's own, and the one that takes events over HTTP. */
export type LocalFunctionName = FunctionName | 'ingest';

/** The arguments of {@link bundleFunctions}. */
export interface BundleFunctionsOptions {
  /** The pipeline's TypeScript file, relative to the current folder or absolute. It may lie outside this package. */
  readonly pipelineFile: string;
  readonly entries: FunctionEntries;
  readonly source: SourceKind;
  readonly packageRoot: string;
}

/** The package's own entry files. */
export function functionEntries(packageRoot: string): FunctionEntries {
  const entry = (name: FunctionName): string => functionModule(packageRoot, name);
  return { aggregate: entry('aggregate'), finalize: entry('finalize'), query: entry('query') };
}

/**
 * Bundles the functions as for Lambda, with the given file as `#pipeline`. A pipeline outside this package may import
 * `tidemark` (the pipeline language) and, when it has no copy of its own, zod.
 * @returns the bundled file of each function
 * @throws LocalError `pipelineFile` or `bundle`, one line
 */
export async function bundleFunctions(
  options: BundleFunctionsOptions,
): Promise<Readonly<Record<LocalFunctionName, string>>> {
  const pipelineFile = resolve(options.pipelineFile);
  if (!existsSync(pipelineFile)) {
    throw new LocalError(
      'pipelineFile',
      `no pipeline file ${options.pipelineFile}: give the name of a file under pipelines/ or the path of a TypeScript file`,
    );
  }
  const entries = { ...options.entries, ingest: functionModule(options.packageRoot, 'ingest') };
  const outDir = await cachedBuild(
    options.packageRoot,
    {
      ...functionBuild({ entries, pipelineFile, source: options.source, packageFolder: options.packageRoot }),
      sourcemap: 'linked',
      sourcesContent: false,
    },
    'functions',
  );
  const file = (name: LocalFunctionName): string => join(outDir, `${name}${bundleExtension}`);
  return { aggregate: file('aggregate'), finalize: file('finalize'), query: file('query'), ingest: file('ingest') };
}

/**
 * Bundles the function of each sink, each with its own target.
 * @returns the bundled files, by the sink's name
 * @throws LocalError `bundle`, one line
 */
export async function bundleSinks(
  pipelineFile: string,
  sinks: readonly Sink[],
  packageRoot: string,
): Promise<Readonly<Record<string, string>>> {
  const entries = { deliver: functionModule(packageRoot, 'deliver') };
  const files = sinks.map(async (sink) => {
    // A sink reads no stream, so the kind of stream does not matter.
    const build = functionBuild({
      entries,
      pipelineFile: resolve(pipelineFile),
      source: 'kinesis',
      packageFolder: packageRoot,
      sink,
    });
    const outDir = await cachedBuild(
      packageRoot,
      { ...build, sourcemap: 'linked', sourcesContent: false },
      'functions',
    );
    return [sink.name, join(outDir, `deliver${bundleExtension}`)] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}

/**
 * Bundles the child processes, because plain Node 20 runs no TypeScript. Packages stay outside. In the package that this
 * code is packed into, they are bundled already and lie beside it.
 * @returns the bundled file of each entry
 */
export async function bundleProcesses(packageRoot: string): Promise<Readonly<Record<ProcessName, string>>> {
  if (functionsForm(packageRoot) === 'built') return filesIn(import.meta.dirname);
  const outDir = await cachedBuild(
    packageRoot,
    {
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      entryPoints: Object.fromEntries(
        Object.entries(processFiles).map(([name, file]) => [name, join(packageRoot, 'infra', 'local', file)]),
      ),
      outExtension: { '.js': '.mjs' },
    },
    'processes',
  );
  return filesIn(outDir);
}

function filesIn(folder: string): Readonly<Record<ProcessName, string>> {
  const file = (name: ProcessName): string => join(folder, `${name}.mjs`);
  return {
    'emulators-process': file('emulators-process'),
    'functions-process': file('functions-process'),
    'runner-process': file('runner-process'),
    'environment-worker': file('environment-worker'),
  };
}

/** The folder with the output of a build. esbuild is loaded only if something has to be built. */
async function cachedBuild(
  packageRoot: string,
  options: BuildOptions,
  what: 'functions' | 'processes',
): Promise<string> {
  return cachedBundle(packageRoot, JSON.stringify(options), Date.now(), async (outdir) => {
    const { build, buildSync } = await import('esbuild');
    try {
      const page = what === 'functions' ? builtPage(buildSync, packageRoot) : { define: {}, inputs: [] };
      const { metafile } = await build({
        ...options,
        define: page.define,
        outdir,
        absWorkingDir: packageRoot,
        metafile: true,
        logLevel: 'silent',
      });
      const esbuildItself = createRequire(join(packageRoot, 'package.json')).resolve('esbuild/package.json');
      return [...Object.keys(metafile.inputs).map((path) => resolve(packageRoot, path)), ...page.inputs, esbuildItself];
    } catch (thrown) {
      const line = bundlingFailure(thrown, packageRoot) ?? `cannot bundle the functions: ${messageOf(thrown)}`;
      throw new LocalError('bundle', line, { cause: thrown });
    }
  });
}
