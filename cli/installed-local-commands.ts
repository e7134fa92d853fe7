import type { LocalCommand, localCommands as ofClone } from './local-commands.ts';
import { optionalPackage } from './program/optional-package.ts';

/** The commands of `tidemark-local`, where it is installed: `#local-commands` is this module in the package. */
export const localCommands: typeof ofClone = {
  demo: () => loaded('demo'),
  stream: () => loaded('stream'),
  up: () => loaded('up'),
};

async function loaded(name: LocalCommand) {
  const { localCommands: installed } = await optionalPackage(
    'tidemark-local',
    `tidemark ${name}`,
    (): Promise<{ readonly localCommands: typeof ofClone }> => import('tidemark-local'),
  );
  return installed[name]();
}
