import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { functionBuild } from '../../infra/bundle/functions.ts';
import { bundleFunctions, functionEntries } from '../../infra/local/resources/bundle.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const out = realpathSync(mkdtempSync(path.join(tmpdir(), 'tidemark-layouts-')));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** A pipeline in a folder without packages above it. It gets zod from this package. */
const pipelineFile = path.join(out, 'elsewhere', 'pipeline.ts');
const brokenFile = path.join(out, 'elsewhere', 'broken.ts');
const emptyFile = path.join(out, 'elsewhere', 'empty.ts');
const eventsFile = path.join(out, 'elsewhere', 'events.json');
mkdirSync(path.dirname(pipelineFile));
writeFileSync(
  pipelineFile,
  `import { count, definePipeline, tumbling } from 'tidemark';
import * as z from 'zod';

export default definePipeline({
  name: 'elsewhere',
  event: z.object({ time: z.number() }),
  eventTime: { of: (event) => event.time, unit: 's' },
  watermark: { delay: '1 hour' },
  queries: { all: { groupBy: [], window: tumbling('1 hour'), aggregates: { eventsFromElsewhere: count() } } },
});
`,
);
writeFileSync(
  brokenFile,
  "import { missing } from './not-there.ts';\nimport 'not-installed';\nexport default missing;\n",
);
writeFileSync(emptyFile, 'export default { name: "no pipeline" };\n');
writeFileSync(eventsFile, '{"time":1469501107}\n{"time":1469501108}\n');

/** Links each package of this repository into a folder, as an installation would have made it. */
function linkPackages(modules: string): void {
  const link = (name: string): void => {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(realpathSync(path.join(root, 'node_modules', name)), path.join(modules, name), 'junction');
  };
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    if (!name.startsWith('@')) link(name);
    else for (const scoped of readdirSync(path.join(root, 'node_modules', name))) link(`${name}/${scoped}`);
  }
}

/** A copy of the package as it is packed, without packages of its own. */
function copyPackage(folder: string): string {
  for (const name of ['cli', 'functions', 'infra', 'pipelines', 'package.json'])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  return folder;
}

/** The package as npm installs it: all packages are beside each other. */
function hoisted(): string {
  const modules = path.join(out, 'npm', 'node_modules');
  linkPackages(modules);
  return copyPackage(path.join(modules, 'tidemark'));
}

/**
 * The package as pnpm installs it: each package has links to its dependencies, and an app finds a link where it looks.
 */
function isolated(): string {
  const modules = path.join(out, 'pnpm', 'node_modules');
  const own = path.join(modules, '.pnpm', 'tidemark@0.1.0', 'node_modules');
  linkPackages(own);
  copyPackage(path.join(own, 'tidemark'));
  symlinkSync(path.join(own, 'tidemark'), path.join(modules, 'tidemark'), 'junction');
  return path.join(modules, 'tidemark');
}

/** The output of `tidemark batch` of an installed package. */
function batch(packageFolder: string, pipeline: string) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(packageFolder, 'cli', 'tidemark.mjs'), 'batch', eventsFile, '--pipeline', pipeline, '--json'],
    { cwd: path.dirname(pipelineFile), encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

/** The pipeline as the construct reads it, bundled one level deep as in dist/cdk.js. */
async function pipelineOfInstalled(packageFolder: string, pipeline: string): Promise<{ readonly name: string }> {
  const outfile = path.join(realpathSync(packageFolder), 'dist', 'pipeline-lock.mjs');
  await build({
    entryPoints: [path.join(packageFolder, 'infra', 'pipeline-lock.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
  });
  const { pipelineOf } = await import(pathToFileURL(outfile).href);
  return pipelineOf(pipeline);
}

describe.each([
  ['as npm does, all packages beside each other', hoisted()],
  ["as pnpm does, by links to each package's own", isolated()],
])('installed %s, a pipeline without packages of its own', (_how, packageFolder) => {
  it('runs by the command line', () => {
    const { status, stdout, stderr } = batch(packageFolder, pipelineFile);
    expect({ status, stderr: status === 0 ? '' : stderr }).toStrictEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('"eventsFromElsewhere":2');
  });

  it('is looked at by the construct', async () => {
    expect((await pipelineOfInstalled(packageFolder, pipelineFile)).name).toBe('elsewhere');
  });

  it('goes into the functions that are deployed', async () => {
    const folder = realpathSync(packageFolder);
    const entries = { query: path.join(folder, 'functions', 'query.ts') };
    const options = functionBuild({ entries, pipelineFile, source: 'kinesis', packageFolder: folder });
    const { outputFiles } = await build({
      ...options,
      define: { TIDEMARK_PAGE: '""' },
      outdir: out,
      write: false,
    });
    expect(outputFiles?.[0]?.text).toContain('eventsFromElsewhere');
  });

  it('goes into the functions of the embedded AWS', async () => {
    const packageRoot = realpathSync(packageFolder);
    const files = await bundleFunctions({
      pipelineFile,
      entries: functionEntries(packageRoot),
      source: 'kinesis',
      packageRoot,
    });
    expect(Object.keys(files).sort()).toStrictEqual(['aggregate', 'finalize', 'ingest', 'query']);
  });

  it.each([
    ['does not compile', brokenFile, /broken\.ts:1:\d+: .*not-there/],
    ['exports no pipeline', emptyFile, /empty\.ts has no pipeline as its default export/],
  ])('is refused on one line, the same by both, when it %s', async (_what, file, line) => {
    const { status, stderr } = batch(packageFolder, file);
    expect(status).not.toBe(0);
    expect(stderr.trim()).toMatch(line);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    const error = await pipelineOfInstalled(packageFolder, file).catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty('name', 'TidemarkError');
    expect(error).toHaveProperty('message', expect.stringMatching(line));
  });
});
