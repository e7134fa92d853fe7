/**
 * Starts the conformance run on plain Node: bundled as cli/tidemark.mjs bundles the command line, into a folder of its own from where Node
 * resolves the packages, which goes when the program is loaded.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const folder = path.join(root, 'node_modules', '.cache', 'tidemark', `draft-${randomUUID()}`);

async function load() {
  try {
    await build({
      absWorkingDir: root,
      entryPoints: { main: 'test/conformance/main.ts' },
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      sourcemap: 'inline',
      logLevel: 'silent',
    });
    return await import(pathToFileURL(path.join(folder, 'main.mjs')).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
// Whoever reads the lines may stop reading, as `head` does.
process.stdout.on('error', () => process.exit(1));
const { main } = await load();
process.exitCode = await main(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  error: (line) => process.stderr.write(`conformance: ${line}\n`),
  // npm runs scripts in the package's folder; names are meant where the person is.
  folders: [process.env.INIT_CWD ?? process.cwd(), process.cwd()],
});
