/** The commands of the package that the command line loads where it is installed (cli/local-commands.ts). */
declare module 'tidemark-local' {
  export const localCommands: typeof import('../cli/local-commands.ts').localCommands;
}
