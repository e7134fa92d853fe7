import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TidemarkError } from './errors.ts';
import { packageRoot } from './package-root.ts';

/**
 * A package that only some of the commands need. It is an optional peer, so that nobody installs it for the others.
 * @param use the command or the option that needs it, for the message
 * @throws TidemarkError with the command that installs it, where it is missing; any other error of loading it
 */
export async function optionalPackage<Module>(name: string, use: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw new TidemarkError(missingPackage(name, use), { cause: error });
  }
}

/** The line for a person who has not installed a package. A clone has them all, but for those that refuse its Node. */
function missingPackage(name: string, use: string): string {
  const isClone = existsSync(path.join(packageRoot, 'cli', 'main.ts'));
  const remedy = isClone ? `run npm ci${refusesOlderNode[name] ?? ''}` : `npm i -D ${name}@${peerVersion(name)}`;
  return `${use} needs ${name}: ${remedy}`;
}

/** npm leaves these out of a clone under a Node that they refuse (docs/packages.md). */
const refusesOlderNode: Readonly<Record<string, string>> = {
  '@platformatic/kafka': ' under Node 22.19 or newer',
};

/** Whether a package itself is missing. An error of its own, or of a package that it needs, is another matter. */
function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(`'${name}'`)
  );
}

function peerVersion(name: string): string {
  const manifest: { readonly peerDependencies?: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(path.join(packageRoot, 'package.json'), 'utf8'),
  );
  return manifest.peerDependencies?.[name] ?? 'latest';
}
