import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionModule } from '../../infra/bundle/function-modules.ts';
import { functionBuild } from '../../infra/bundle/functions.ts';
import { bundleFunctions, functionEntries } from '../../infra/local/resources/bundle.ts';
import manifest from '../../package.json' with { type: 'json' };

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

/** Links the dependencies of the package, and no others, into a folder, as an installation would have made it. */
function linkPackages(modules: string): void {
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(realpathSync(path.join(root, 'node_modules', name)), path.join(modules, name), 'junction');
  }
}

/** The code of the package, built as for packing it. */
const built = path.join(out, 'built');
beforeAll(() => {
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'infra', 'package.mjs'), '--out', built], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  hoisted();
  isolated();
});

/** The package as it is packed, without packages of its own. */
function copyPackage(folder: string): void {
  cpSync(built, path.join(folder, 'dist'), { recursive: true });
  for (const name of ['cli/tidemark.mjs', 'pipelines', 'package.json'])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
}

/** The package as npm installs it: all packages are beside each other. */
function hoisted(): void {
  const modules = path.join(out, 'npm', 'node_modules');
  linkPackages(modules);
  copyPackage(path.join(modules, 'tidemark'));
}

/**
 * The package as pnpm installs it: each package has links to its dependencies, and an app finds a link where it looks.
 */
function isolated(): void {
  const modules = path.join(out, 'pnpm', 'node_modules');
  const own = path.join(modules, '.pnpm', 'tidemark@0.1.0', 'node_modules');
  linkPackages(own);
  copyPackage(path.join(own, 'tidemark'));
  mkdirSync(modules, { recursive: true });
  symlinkSync(path.join(own, 'tidemark'), path.join(modules, 'tidemark'), 'junction');
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
    entryPoints: [path.join(root, 'infra', 'pipeline-lock.ts')],
    outfile,
    bundle: true,
    external: ['esbuild'],
    format: 'esm',
    platform: 'node',
  });
  const { pipelineOf } = await import(pathToFileURL(outfile).href);
  return pipelineOf(pipeline);
}

describe.each([
  ['as npm does, all packages beside each other', path.join(out, 'npm', 'node_modules', 'tidemark')],
  ["as pnpm does, by links to each package's own", path.join(out, 'pnpm', 'node_modules', 'tidemark')],
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
    const entries = { query: functionModule(folder, 'query') };
    const options = functionBuild({ entries, pipelineFile, source: 'kinesis', packageFolder: folder });
    const { outputFiles } = await build({ ...options, outdir: out, write: false });
    expect(outputFiles?.[0]?.text).toContain('eventsFromElsewhere');
    expect(outputFiles?.[0]?.text).toContain('<title>');
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
