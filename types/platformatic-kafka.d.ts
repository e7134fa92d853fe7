/**
 * The part of `@platformatic/kafka` 1.35.0 that is used. The package is not installed under a Node that its own packages
 * refuse (before 22.19), and the types are checked there too. (An ambient module goes before the package's types.)
 * `test/kafka/client-types.test.ts` holds them against the package's own.
 */
declare module '@platformatic/kafka' {
  import type { ConnectionOptions as TlsOptions } from 'node:tls';

  type Text = string | (() => Promise<string>);

  export interface ConnectionOptions {
    connectTimeout?: number;
    requestTimeout?: number;
    tls?: TlsOptions;
    sasl?: {
      mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';
      username?: Text;
      password?: Text;
      token?: Text;
    };
  }

  interface ClientOptions extends ConnectionOptions {
    clientId: string;
    bootstrapBrokers: string[];
    /** Milliseconds, as all times. */
    timeout?: number;
    retries?: number;
    retryDelay?: number;
    metadataMaxAge?: number;
  }

  interface ClusterMetadata {
    id: string;
    topics: Map<
      string,
      {
        id: string;
        partitions: { leader: number }[];
        partitionsCount: number;
      }
    >;
  }

  interface Client {
    metadata(options: {
      topics: string[];
      autocreateTopics?: boolean;
      forceUpdate?: boolean;
    }): Promise<ClusterMetadata>;
    clearMetadata(): void;
    close(): Promise<void>;
  }

  export interface RecordsBatch {
    firstOffset: bigint;
    attributes: number;
    lastOffsetDelta: number;
    firstTimestamp: bigint;
    maxTimestamp: bigint;
    records: {
      timestampDelta: bigint;
      offsetDelta: number;
      key: Buffer | null;
      value: Buffer | null;
      headers: [Buffer | null, Buffer | null][];
    }[];
  }

  interface FetchResponse {
    responses: {
      partitions: {
        partitionIndex: number;
        highWatermark: bigint;
        lastStableOffset: bigint;
        records?: RecordsBatch[];
      }[];
    }[];
  }

  interface FetchOptions {
    node: number;
    topics: {
      topicId: string;
      partitions: {
        partition: number;
        fetchOffset: bigint;
        currentLeaderEpoch: number;
        lastFetchedEpoch: number;
        partitionMaxBytes: number;
      }[];
    }[];
    minBytes?: number;
    maxBytes?: number;
    maxWaitTime?: number;
    isolationLevel?: number;
  }

  interface GroupAssignment {
    topic: string;
    partitions: number[];
  }

  export interface Consumer extends Client {
    readonly generationId: number;
    readonly memberId: string | null;
    readonly topics: { track(topic: string): unknown };
    readonly assignments: GroupAssignment[] | null;
    on(name: 'error', listener: (error: Error) => void): unknown;
    isActive(): boolean;
    joinGroup(): Promise<string>;
    leaveGroup(): Promise<void>;
    fetch(options: FetchOptions): Promise<FetchResponse>;
    commit(options: {
      offsets: { topic: string; partition: number; offset: bigint; leaderEpoch: number }[];
    }): Promise<void>;
    listOffsets(options: {
      topics: string[];
      partitions: Record<string, number[]>;
      timestamp: bigint;
    }): Promise<Map<string, bigint[]>>;
    listCommittedOffsets(options: { topics: GroupAssignment[] }): Promise<Map<string, bigint[]>>;
  }
  export const Consumer: new (
    options: ClientOptions & {
      groupId: string;
      sessionTimeout?: number;
      rebalanceTimeout?: number;
      heartbeatInterval?: number;
    },
  ) => Consumer;

  export interface Admin extends Client {
    createTopics(options: {
      topics: string[];
      partitions: number;
      replicas: number;
      configs?: { name: string; value: string }[];
    }): Promise<unknown>;
    deleteTopics(options: { topics: string[] }): Promise<void>;
    createPartitions(options: { topics: { name: string; count: number }[] }): Promise<unknown>;
    listOffsets(options: {
      topics: { name: string; partitions: { partitionIndex: number; timestamp: bigint }[] }[];
    }): Promise<{ name: string; partitions: { partitionIndex: number; offset: bigint }[] }[]>;
    deleteRecords(options: {
      topics: { name: string; partitions: { partition: number; offset: bigint }[] }[];
    }): Promise<unknown>;
  }
  export const Admin: new (options: ClientOptions) => Admin;

  export interface MessageToProduce {
    topic: string;
    partition?: number;
    key?: Buffer;
    value?: Buffer;
  }

  interface SendOptions {
    messages: MessageToProduce[];
  }

  interface ProduceResult {
    offsets?: { topic: string; partition: number; offset: bigint }[];
  }

  interface Transaction {
    send(options: SendOptions): Promise<ProduceResult>;
    commit(): Promise<void>;
    abort(): Promise<void>;
  }

  export interface Producer extends Client {
    send(options: SendOptions): Promise<ProduceResult>;
    beginTransaction(): Promise<Transaction>;
  }
  export const Producer: new (
    options: ClientOptions & { idempotent?: boolean; acks?: number; transactionalId?: string },
  ) => Producer;

  export function murmur2(data: Buffer): number;
}
