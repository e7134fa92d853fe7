// node test/package/functions.mjs PACKAGE: the functions of a pipeline, bundled from the sources here and from an
// installed package: their sizes, and the processor time that Node takes to load each (the part of a cold start that the
// bundle decides), as the median of the runs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, buildSync } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..', '..');
const installed = path.resolve(process.argv[2] ?? '');
const runs = 25;
const folder = mkdtempSync(path.join(root, 'node_modules', '.cache', 'functions-'));
const out = mkdtempSync(path.join(tmpdir(), 'tidemark-functions-'));

/** Milliseconds of processor time from the start of Node to the loaded module. */
function loadMs(file) {
  const program = `await import(${JSON.stringify(file)});
    const { user, system } = process.cpuUsage(); console.log((user + system) / 1000); process.exit();`;
  const names = ['STREAM', 'STATE_TABLE', 'WINDOWS_TABLE', 'REJECTS_TABLE'];
  const env = Object.fromEntries(names.map((name) => [`TIDEMARK_${name}`, 'x']));
  const times = Array.from({ length: runs }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      env: { ...env, AWS_REGION: 'us-east-1' },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return Number(stdout.trim().split('\n').at(-1));
  });
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)];
}

try {
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
  await build({
    stdin: {
      contents: `export * from './functions.ts'; export * from './function-modules.ts';`,
      resolveDir: path.join(root, 'infra', 'bundle'),
    },
    outfile: path.join(folder, 'bundle.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  const { builtPage, functionBuild, functionModule } = await import(
    pathToFileURL(path.join(folder, 'bundle.mjs')).href
  );
  process.stdout.write(
    '| Function | KB, from the sources | KB, from the package | ms to load, from the sources | from the package |\n',
  );
  process.stdout.write('| --- | --- | --- | --- | --- |\n');
  for (const name of ['aggregate', 'finalize', 'query']) {
    const files = [root, installed].map((packageFolder, index) => {
      const options = functionBuild({
        entries: { [name]: functionModule(packageFolder, name) },
        pipelineFile: path.join(root, 'pipelines', 'device-actions.ts'),
        source: 'kinesis',
        packageFolder,
      });
      const outdir = path.join(out, String(index));
      buildSync({ ...options, define: builtPage(buildSync, packageFolder).define, outdir });
      return path.join(outdir, `${name}.mjs`);
    });
    const kb = files.map((file) => Math.round(statSync(file).size / 1024));
    const ms = files.map((file) => Math.round(loadMs(file)));
    process.stdout.write(`| ${name} | ${kb.join(' | ')} | ${ms.join(' | ')} |\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(out, { recursive: true, force: true });
}
