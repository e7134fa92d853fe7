/** The part that is plain JavaScript, because the launcher needs it before anything is bundled. */
declare module '*/cache-folder.mjs' {
  /**
   * The folder for programs that are bundled on the fly, which exists and can be written: in the package, or else this
   * user's.
   * @throws Error one line, when no folder can be written; the system's error for a full disk
   */
  export function cacheFolder(packageRoot: string, environment?: Readonly<Record<string, string | undefined>>): string;
}
