/** The part of kinesalite 3.3.3 that `infra/local` uses: an HTTP server that speaks Kinesis. */
declare module 'kinesalite' {
  import type { Server } from 'node:http';

  interface KinesaliteOptions {
    /** Folder of the LevelDB store; in memory when absent. */
    readonly path?: string;
    /** How long (ms) a stream stays CREATING, DELETING, UPDATING; 500 each when absent. */
    readonly createStreamMs?: number;
    readonly deleteStreamMs?: number;
    readonly updateStreamMs?: number;
    /** Most open shards of the account; 10 when absent. */
    readonly shardLimit?: number;
  }

  export default function kinesalite(options?: KinesaliteOptions): Server;
}
