/** The part of kinesalite 3.3.3 that `infra/local` uses: an HTTP server that speaks Kinesis. */
declare module 'kinesalite' {
  import type { Server } from 'node:http';

  export interface KinesaliteOptions {
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

/** kinesalite's own arithmetic of sequence numbers, which `infra/local/emulators/fast-sequences.ts` does faster. */
declare module 'kinesalite/db/index.js' {
  export interface SequenceParts {
    readonly shardCreateTime: number;
    readonly seqIx?: number | string;
    readonly byte1?: string;
    readonly seqTime?: number;
    readonly shardIx?: number;
    readonly version?: number;
  }

  export interface KinesaliteDb {
    /** An error that kinesalite answers with status 400. */
    clientError(type: string, message: string): Error;
    parseSequence(sequenceNumber: string): SequenceParts;
    stringifySequence(parts: SequenceParts): string;
    incrementSequence(sequence: SequenceParts | string, seqTime?: number | null): string;
    partitionKeyToHashKey(partitionKey: string): { comparedTo(hashKey: string): number };
  }

  const db: KinesaliteDb;
  export default db;
}
