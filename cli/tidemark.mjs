#!/usr/bin/env node
/**
 * The launcher. In the package, the command line lies bundled under `dist`. In a clone it is TypeScript, and is bundled
 * on the first run and after each change of a source file.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function isTooOld(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 20 || (major === 20 && minor < 19);
}

/** The command line's module. A clone may hold a `dist` that it was once packed from: its sources go first. */
async function commandLine() {
  if (!existsSync(path.join(root, 'cli', 'main.ts'))) return import('../dist/cli/main.mjs');
  const { fromSources } = await import('./from-sources.mjs');
  return fromSources(root);
}

/** An error as one line for a person; esbuild's errors carry the file and the line. */
function describe(error) {
  const first = error?.errors?.[0];
  if (first?.location) return `${first.location.file}:${first.location.line}: ${first.text}`;
  if (['ENOSPC', 'EDQUOT'].includes(error?.code))
    return `no space left on the device for bundled programs (${error.message}): free some and start again`;
  if (error?.code === 'ERR_MODULE_NOT_FOUND') return `${error.message.split('\n')[0]}: run npm ci in ${root}`;
  return String(error?.message ?? error).split('\n')[0];
}

async function launch() {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const debug = process.argv.includes('--debug');
  if (debug) process.setSourceMapsEnabled(true);
  let main;
  try {
    main = await commandLine();
  } catch (error) {
    process.stderr.write(`tidemark: the command line cannot be started: ${debug ? error.stack : describe(error)}\n`);
    process.exitCode = 1;
    return;
  }
  await main.main(process.argv.slice(2));
}

if (isTooOld(process.versions.node)) {
  process.stderr.write(
    `tidemark: Node.js 20.19 or newer is needed, this is ${process.versions.node}: see https://nodejs.org/\n`,
  );
  process.exitCode = 1;
} else {
  await launch();
}
