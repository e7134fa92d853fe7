import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { BuildOptions, BuildResult, buildSync } from 'esbuild';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import type { Sink, SinkKind } from '../../functions/core/definition/sink.ts';
import { functionModule, functionsForm } from './function-modules.ts';
import { moduleFolders, pipelineBuild } from './pipeline.ts';

/**
 * The bundling of each function into one file, written once. The CDK and the embedded AWS bundle with the same
 * settings, so that the code tried on a laptop is the code deployed (DESIGN section 7).
 */

/** The arguments of {@link functionBuild}. Paths are absolute. */
export interface FunctionBuild {
  /** The entry file of each function, by the name of its bundle without the extension. */
  readonly entries: Readonly<Record<string, string>>;
  /** The file that the import `#pipeline` in an entry file stands for. It may lie outside this package. */
  readonly pipelineFile: string;
  /** The kind of stream that the functions' events come from. */
  readonly source: SourceKind;
  /** The folder of this package. */
  readonly packageFolder: string;
  /**
   * For the function of a sink: the kind of its target, and the file of a `forEachWindow`, relative to the pipeline's.
   * @default none
   */
  readonly sink?: Sink;
}

/**
 * The module of functions/sinks for each kind: only the function of a sink holds it, and with it the client of its
 * target.
 */
const sinkModules: Readonly<Record<SinkKind, string>> = {
  eventBridge: 'event-bridge',
  kinesis: 'kinesis',
  sqs: 'sqs',
  sns: 'sns',
  webhook: 'webhook',
  s3: 's3',
  dynamodb: 'dynamodb',
  file: 'file',
  forEachWindow: 'for-each-window',
};

/** Stands for `#window-function` where a sink has no file of its own. */
const noWindowFunction = 'sinks/no-window-function';

/** The kinds of streams that a pipeline reads. */
export type SourceKind = 'kinesis' | 'kafka';

const sourceKinds: readonly SourceKind[] = ['kinesis', 'kafka'];

/** What the imports that a deployment chooses can stand for, besides its pipeline: modules below `functions`. */
export const choices: readonly string[] = [
  ...sourceKinds.flatMap((kind) => [`${kind}/batches`, `${kind}/stream`]),
  ...Object.values(sinkModules).map((name) => `sinks/${name}`),
  noWindowFunction,
];

/** The extension of a bundle: that of an ES module, whatever the package.json beside it says. */
export const bundleExtension = '.mjs';

/**
 * esbuild's options for functions: ES modules that hold everything. The AWS SDK is included, because the runtime's own
 * copy changes without notice and an emulator may replace it by stubs.
 */
export function functionBuild({ entries, pipelineFile, source, packageFolder, sink }: FunctionBuild): BuildOptions {
  const moduleOf = (name: string) => functionModule(packageFolder, name);
  const streamModule = (name: string) => {
    const module = moduleOf(name);
    if (!existsSync(module))
      throw new TidemarkError(
        `source is ${source}: this package of tidemark was packed without its functions, ` +
          'so pack it again under Node 22.19 or newer, after npm ci',
      );
    return module;
  };
  const common = pipelineBuild(packageFolder, 'esm');
  return {
    ...common,
    entryPoints: { ...entries },
    outExtension: { '.js': bundleExtension },
    alias: {
      ...common.alias,
      '#pipeline': pipelineFile,
      '#batches': streamModule(`${source}/batches`),
      '#stream': streamModule(`${source}/stream`),
      ...(source === 'kafka' && functionsForm(packageFolder) === 'sources' ? kafkaClient(packageFolder) : {}),
      ...(sink === undefined ? {} : sinkAliases(sink, pipelineFile, moduleOf)),
    },
  };
}

function sinkAliases(
  sink: Sink,
  pipelineFile: string,
  moduleOf: (name: string) => string,
): Readonly<Record<string, string>> {
  const file = sink.kind === 'forEachWindow' && typeof sink.run === 'string' ? sink.run : undefined;
  return {
    '#sink': moduleOf(`sinks/${sinkModules[sink.kind]}`),
    '#window-function': file === undefined ? moduleOf(noWindowFunction) : resolve(dirname(pipelineFile), file),
  };
}

/**
 * The Kafka client, as far as functions use it. The package exports only its main file, which loads all others, and
 * schema registries take half of that time. The other alias is the same module with its binary inside, not in a file
 * beside it.
 * @throws TidemarkError where it is not installed: npm leaves it out under a Node that its packages refuse
 */
export function kafkaClient(packageFolder: string): Readonly<Record<string, string>> {
  if (!hasKafkaClient(packageFolder))
    throw new TidemarkError(
      `a topic of Kafka needs @platformatic/kafka, which asks for Node 22.19 or newer: run npm ci under that`,
    );
  const main = createRequire(join(packageFolder, 'package.json')).resolve('@platformatic/kafka');
  return {
    '@platformatic/kafka': join(dirname(main), 'clients', 'consumer', 'consumer.js'),
    '@platformatic/wasm-utils': '@platformatic/wasm-utils/bundled',
  };
}

/** Whether the Kafka client is installed. */
export function hasKafkaClient(packageFolder: string): boolean {
  try {
    createRequire(join(packageFolder, 'package.json')).resolve('@platformatic/kafka');
    return true;
  } catch {
    return false;
  }
}

/** The live page, built. */
export interface BuiltPage {
  /**
   * The page as text, for the build of the functions. Only the query function names it, so only its bundle holds it.
   * Empty where the query function holds it already.
   */
  readonly define: Readonly<Record<string, string>>;
  /** The files that it was made from, absolute. */
  readonly inputs: readonly string[];
}

const pages = new Map<string, BuiltPage>();

/**
 * The page of `functions/page` as one HTML document with its script and its style inside. One request loads it,
 * whatever path it is served below. It is made once a process. It uses no plugins, because the CDK's bundling is
 * synchronous and could not use them.
 * @param build esbuild's, given by the caller: this file is also loaded when nothing has to be built
 */
export function builtPage(build: typeof buildSync, packageFolder: string): BuiltPage {
  if (functionsForm(packageFolder) === 'built') return { define: {}, inputs: [] };
  const known = pages.get(packageFolder);
  if (known !== undefined) return known;
  const folder = join(packageFolder, 'functions', 'page');
  const result = build({
    absWorkingDir: packageFolder,
    entryPoints: { script: join(folder, 'browser', 'main.ts'), style: join(folder, 'page.css') },
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    charset: 'utf8',
    metafile: true,
    legalComments: 'none',
    format: 'iife',
    platform: 'browser',
    // The versions that were current two years ago: the browsers of people who look at dashboards update themselves.
    target: ['chrome122', 'firefox123', 'safari17.4'],
    nodePaths: [...moduleFolders(packageFolder)],
    logLevel: 'silent',
  });
  const template = join(folder, 'index.html');
  const inputs = [template, ...Object.keys(result.metafile.inputs).map((path) => resolve(packageFolder, path))];
  const page = { define: { TIDEMARK_PAGE: JSON.stringify(document(readFileSync(template, 'utf8'), result)) }, inputs };
  pages.set(packageFolder, page);
  return page;
}

function document(template: string, { outputFiles = [] }: BuildResult): string {
  const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text.trim() ?? '';
  // The replacements are functions, because `$` has no meaning in their results. A script must not hold the end of its
  // own element.
  return template
    .replace('<!--style-->', () => `<style>${text('.css')}</style>`)
    .replace('<!--script-->', () => `<script>${text('.js').replaceAll('</script', '<\\/script')}</script>`);
}
