// The program that cdk.json runs. It bundles app.ts (Node 20 does not read TypeScript) and imports the bundle. esbuild
// is installed for the functions anyway, so no second TypeScript runner is needed. The bundle lies in the cache folder,
// where its imports of packages resolve, for as long as the import takes.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { cacheFolder } from './bundle/cache-folder.mjs';

const folder = import.meta.dirname;
const outfile = join(cacheFolder(dirname(folder)), `cdk-app-${process.pid}.mjs`);
process.setSourceMapsEnabled(true);
try {
  await build({
    entryPoints: [join(folder, 'app.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
  });
  await import(pathToFileURL(outfile).href);
} catch (error) {
  // A mistake that a person can correct is one line. For any other error the CDK shows the construct it belongs to.
  if (error?.name !== 'TidemarkError') throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(outfile, { force: true });
}
