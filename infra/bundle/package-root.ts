import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalError } from '../local/account/local-error.ts';

/**
 * The folder of the package `tidemark`. It is found by walking up from this module to the `package.json` named so, or to
 * one that names the folder of that. It is the same whether the module runs from its source (vitest) or bundled into a
 * cache folder (the command line), in the package or outside. From `tidemark-local` as it is installed, it is the
 * package `tidemark` that Node finds there.
 */
export function findPackageRoot(from: string = import.meta.url): string {
  const start = fileURLToPath(from);
  for (let folder = dirname(start); ; folder = dirname(folder)) {
    const root = rootIn(folder);
    if (root !== undefined) return root;
    if (folder === dirname(folder)) {
      const beside = installedBeside(from);
      if (beside !== undefined) return beside;
      throw new LocalError('packageRoot', `no package.json named "tidemark" above ${start}: reinstall the package`);
    }
  }
}

function rootIn(folder: string): string | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof manifest !== 'object' || manifest === null) return undefined;
  if ('name' in manifest && manifest.name === 'tidemark') return folder;
  // As infra/bundle/cache-folder.mjs writes it.
  return 'packageRoot' in manifest && typeof manifest.packageRoot === 'string' ? manifest.packageRoot : undefined;
}

function installedBeside(from: string): string | undefined {
  try {
    return dirname(createRequire(from).resolve('tidemark/package.json'));
  } catch {
    return undefined;
  }
}
