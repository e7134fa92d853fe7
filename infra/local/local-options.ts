import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import type { Sink } from '../../functions/core/definition/sink.ts';
import { type FunctionName, finalizeEverySeconds } from '../../functions/core/deployment/settings.ts';
import { cannotListen, LocalError } from './account/local-error.ts';
import type { RunnerSource } from './processes/runner-process.ts';
import type { FunctionEntries } from './resources/bundle.ts';
import { sinksHere } from './resources/local-sinks.ts';
import { type ResourceNames, resourceNames } from './resources/resources.ts';

/** The options of the embedded AWS. */
export interface LocalOptions {
  /** The pipeline's TypeScript file. */
  readonly pipelineFile: string;
  /** The pipeline's name. The stream, the tables and the functions are named after it. */
  readonly pipelineName: string;
  /** The folder that keeps stream, tables, checkpoints and logs. @default in memory */
  readonly dataDir?: string;
  /** The port of the HTTP front on 127.0.0.1. @default any */
  readonly port?: number;
  /** The number of shards of the stream when it has to be created. */
  readonly shards: number;
  /** A Kafka topic that is read in place of a stream. @default a stream of Kinesis */
  readonly kafka?: LocalKafka;
  /** The time (ms) for which a batch is gathered; 0 delivers at once. @default the deployed mapping's window */
  readonly batchWindowMs?: number;
  /** Most records of a batch. @default the deployed mapping's */
  readonly batchSize?: number;
  /**
   * The interval (ms) at which its schedule invokes finalize; null: never, and aggregate does not invoke it either.
   * @default as deployed
   */
  readonly finalizeEveryMs?: number | null;
  /** Other functions than the package's. */
  readonly entries?: FunctionEntries;
  /**
   * Most execution environments of aggregate. At least 2 of them show whether warm state is trusted too much.
   * @default 2
   */
  readonly aggregateEnvironments?: number;
  /** Other time-outs (ms) than the deployed ones. */
  readonly timeoutMs?: Partial<Record<FunctionName | 'deliver', number>>;
  /** The pipeline's sinks. Those for which this machine has a target are served ({@link sinksHere}). @default none */
  readonly sinks?: readonly Sink[];
  /** More environment variables for the functions. */
  readonly functionVariables?: Readonly<Record<string, string>>;
}

/** An existing topic of Kafka. */
export interface LocalKafka {
  readonly topic: string;
  /** The brokers of a cluster without authentication, such as one on this machine. */
  readonly bootstrapServers: readonly string[];
  /** The consumer group of the mapping. @default a group of its own that begins with the oldest records */
  readonly groupId?: string;
  /** Event pollers in the group. @default 1 */
  readonly pollers?: number;
}

/** The consequences of the options: the resources, and the source of the events. */
export interface LocalPlan {
  readonly options: LocalOptions;
  readonly names: ResourceNames;
  readonly source: RunnerSource;
  /** Absolute; null: in memory. */
  readonly dataDir: string | null;
  /** Null: finalize is not invoked here. */
  readonly finalizeEveryMs: number | null;
  /** The sinks that this machine has a target for. */
  readonly sinks: readonly Sink[];
}

/** @throws LocalError, one line, for options that cannot be followed */
export async function localPlan(options: LocalOptions): Promise<LocalPlan> {
  checkOptions(options);
  if (options.port !== undefined && options.port !== 0) await assertFree(options.port);
  const { kafka, pipelineName, dataDir, finalizeEveryMs } = options;
  const own = resourceNames(pipelineName);
  return {
    options,
    names: kafka === undefined ? own : { ...own, stream: kafka.topic },
    source: sourceOf(pipelineName, kafka),
    dataDir: dataDir === undefined ? null : resolve(dataDir),
    finalizeEveryMs: finalizeEveryMs === undefined ? finalizeEverySeconds * 1_000 : finalizeEveryMs,
    sinks: sinksHere(options.sinks ?? []),
  };
}

function sourceOf(pipelineName: string, kafka: LocalKafka | undefined): RunnerSource {
  if (kafka === undefined) return { kind: 'kinesis' };
  const { bootstrapServers, groupId = `tidemark-${pipelineName}-${randomUUID()}`, pollers = 1 } = kafka;
  return { kind: 'kafka', bootstrapServers, groupId, pollers };
}

function checkOptions(options: LocalOptions): void {
  const { shards, port = 0, kafka, dataDir } = options;
  if (kafka !== undefined && dataDir !== undefined)
    throw new LocalError(
      'dataFolder',
      `data folder ${dataDir}: does not go with a Kafka topic, whose records the brokers keep: leave it out`,
    );
  if (!Number.isInteger(shards) || shards < 1 || shards > 10_000)
    throw new LocalError('shards', `shards: ${shards} is not a whole number from 1 to 10000`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new LocalError('port', `port: ${port} is not a port: give a whole number from 0 (any) to 65535`);
}

/** Checks the port before everything is started. The runner would find out too, but some seconds later. */
async function assertFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(port, error)));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}
