/** The part of dynalite 4.0.0 that `infra/local` uses: an HTTP server that speaks DynamoDB. */
declare module 'dynalite' {
  import type { Server } from 'node:http';

  interface DynaliteOptions {
    /** Folder of the LevelDB store; in memory when absent. */
    readonly path?: string;
    /** How long (ms) a table stays CREATING, DELETING, UPDATING; 500 each when absent. */
    readonly createTableMs?: number;
    readonly deleteTableMs?: number;
    readonly updateTableMs?: number;
  }

  export default function dynalite(options?: DynaliteOptions): Server;
}
