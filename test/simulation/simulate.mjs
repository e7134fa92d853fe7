import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

// The command is TypeScript, which Node 20 does not read: it is bundled first.
const repository = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');
const outfile = `${repository}/.tidemark/simulation/command.mjs`;
const entry = `${repository}/test/simulation/command.ts`;
await build({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'silent' });
const { main } = await import(pathToFileURL(outfile).href);
try {
  process.exitCode = await main(repository, process.argv.slice(2));
} catch (error) {
  // Wrong options are a person's mistake: one line.
  const isUsage = error.name === 'UsageError' || String(error.code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${isUsage ? `simulate: ${error.message.split('\n')[0]}` : error.stack}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
