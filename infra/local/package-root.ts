import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalError } from './local-error.ts';

/**
 * The folder of this package, found by walking up from this module to the `package.json` named `tidemark`: it is the same
 * whether the module runs from its source (vitest) or bundled into `node_modules/.cache` (the command line).
 */
export function findPackageRoot(from: string = import.meta.url): string {
  const start = fileURLToPath(from);
  for (let folder = dirname(start); ; folder = dirname(folder)) {
    if (isTidemark(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) {
      throw new LocalError('packageRoot', `no package.json named "tidemark" above ${start}: reinstall the package`);
    }
  }
}

function isTidemark(file: string): boolean {
  if (!existsSync(file)) return false;
  const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'name' in manifest && manifest.name === 'tidemark';
}
