import type { Command } from './program/command.ts';

/** The names of the commands that run the whole system on this machine. */
export type LocalCommand = 'demo' | 'stream' | 'up';

/**
 * The commands that run the whole system on this machine. They and the emulators are the package `tidemark-local`. In a
 * clone they are a part of the command line: `#local-commands` is this module there.
 */
export const localCommands: Readonly<Record<LocalCommand, () => Promise<{ readonly default: Command }>>> = {
  demo: () => import('./commands/start/demo.ts'),
  stream: () => import('./commands/start/stream.ts'),
  up: () => import('./commands/start/up.ts'),
};
