import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { checkKafkaSource } from '../../functions/core/definition/kafka-source.ts';
import type { Sink } from '../../functions/core/definition/sink.ts';
import {
  deliver,
  type FunctionName,
  finalizeEverySeconds,
  mapping,
  functions as settings,
  sourceFunctions,
} from '../../functions/core/deployment/settings.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import { cannotListen, LocalError } from './account/local-error.ts';
import { findPackageRoot } from './account/package-root.ts';
import { checkHistory } from './kept-history.ts';
import type { Ports, ProcessKind } from './processes/child-messages.ts';
import { type Child, superviseChild } from './processes/child-process.ts';
import type { EmulatorsOptions } from './processes/emulators-process.ts';
import type { FunctionsOptions } from './processes/functions-process.ts';
import type { RunnerMemo, RunnerOptions, RunnerSource } from './processes/runner-process.ts';
import {
  bundleFunctions,
  bundleProcesses,
  bundleSinks,
  type FunctionEntries,
  functionEntries,
  type LocalFunctionName,
} from './resources/bundle.ts';
import { sinkFunctionName, sinkSecret, sinksHere, sinkTarget } from './resources/local-sinks.ts';
import { ensureResources, ensureTargets, type ResourceNames, resourceNames } from './resources/resources.ts';

/** What {@link startLocal} is told. */
export interface LocalOptions {
  /** The pipeline's TypeScript file. */
  readonly pipelineFile: string;
  /** The pipeline's name: the stream, the tables and the functions are called after it. */
  readonly pipelineName: string;
  /** Keeps stream, tables, checkpoints and logs in this folder. @default in memory */
  readonly dataDir?: string;
  /** The port of the HTTP front on 127.0.0.1. @default any */
  readonly port?: number;
  /** Shards of the stream when it has to be created. */
  readonly shards: number;
  /** A Kafka topic that is read in place of a stream. @default a stream of Kinesis */
  readonly kafka?: LocalKafka;
  /** How long (ms) a batch is gathered; 0 delivers at once. @default the deployed mapping's window */
  readonly batchWindowMs?: number;
  /** Most records of a batch. @default the deployed mapping's */
  readonly batchSize?: number;
  /**
   * How often (ms) finalize is invoked by its schedule; null: never, and not by aggregate either.
   * @default as deployed
   */
  readonly finalizeEveryMs?: number | null;
  /** Other functions than the package's. */
  readonly entries?: FunctionEntries;
  /**
   * Most execution environments of aggregate; at least 2 of them show whether warm state is trusted too much.
   * @default 2
   */
  readonly aggregateEnvironments?: number;
  /** Other time-outs (ms) than the deployed ones. */
  readonly timeoutMs?: Partial<Record<FunctionName | 'deliver', number>>;
  /** The pipeline's sinks; those are served for which this machine has a target ({@link sinksHere}). @default none */
  readonly sinks?: readonly Sink[];
  /** More environment variables for the functions. */
  readonly functionVariables?: Readonly<Record<string, string>>;
}

/** A topic, which somebody else has made. */
export interface LocalKafka {
  readonly topic: string;
  /** Of a cluster without authentication, such as one on this machine. */
  readonly bootstrapServers: readonly string[];
  /** The consumer group of the mapping. @default one of its own, which begins with the oldest records */
  readonly groupId?: string;
  /** Event pollers in the group. @default 1 */
  readonly pollers?: number;
}

/** The embedded AWS, running. */
export interface Local {
  /** The HTTP front: the query API, and all AWS services for `AWS_ENDPOINT_URL`. */
  readonly url: string;
  readonly endpoints: { readonly kinesis: string; readonly dynamodb: string; readonly lambda: string };
  readonly streamName: string;
  readonly tableNames: ResourceNames['tables'];
  readonly functionNames: ResourceNames['functions'];
  /** The functions of the sinks that are served, by the sink's name. */
  readonly sinkFunctions: Readonly<Record<string, string>>;
  /** The process ids of now; a process that is being started anew has its new one. */
  pids(): Readonly<Record<ProcessKind, number | undefined>>;
  /**
   * `kill -9`; the process is started anew by itself (the emulators only with a data folder: without one that is the
   * end).
   */
  kill(kind: ProcessKind): Promise<void>;
  /** Resolves when a new process serves. After {@link Local.kill} it waits for the one that is being started. */
  restart(kind: ProcessKind): Promise<void>;
  /** Finishes the invocations in flight for a bounded time, closes the databases and ends all processes. */
  stop(): Promise<void>;
  /** Calls back once if the system ends by itself; everything has been stopped then. */
  onExit(callback: (error: LocalError) => void): void;
}

const finalizeEnvironments = 2;
const queryEnvironments = 2;
const ingestEnvironments = 2;
/** How long (ms) a stop waits for each process before it kills it. */
const stopWithinMs = 8_000;

/**
 * Starts the embedded AWS (DESIGN section 7): three child processes that end with this one.
 * @throws LocalError with a code and one line, after everything that had started was stopped
 */
export async function startLocal(options: LocalOptions): Promise<Local> {
  checkOptions(options);
  if (options.port !== undefined && options.port !== 0) await assertFree(options.port);
  const packageRoot = findPackageRoot();
  const dataDir = options.dataDir === undefined ? null : resolve(options.dataDir);
  const { kafka } = options;
  const own = resourceNames(options.pipelineName);
  const names = kafka === undefined ? own : { ...own, stream: kafka.topic };
  const source: RunnerSource =
    kafka === undefined
      ? { kind: 'kinesis' }
      : {
          kind: 'kafka',
          bootstrapServers: kafka.bootstrapServers,
          groupId: kafka.groupId ?? `tidemark-${options.pipelineName}-${randomUUID()}`,
          pollers: kafka.pollers ?? 1,
        };
  const finalizeEveryMs =
    options.finalizeEveryMs === undefined ? finalizeEverySeconds * 1_000 : options.finalizeEveryMs;
  const sinks = sinksHere(options.sinks ?? []);
  const sinkFunctions = Object.fromEntries(
    sinks.map(({ name }) => [name, sinkFunctionName(options.pipelineName, name)]),
  );
  const children: Child[] = [];
  const exitCallbacks: ((error: LocalError) => void)[] = [];
  let ending: Promise<void> | undefined;

  function stop(): Promise<void> {
    ending ??= (async () => {
      for (const child of [...children].reverse()) await child.stop(stopWithinMs);
    })();
    return ending;
  }

  function onFatal(error: LocalError): void {
    if (ending !== undefined) return;
    void stop().then(() => {
      for (const callback of exitCallbacks) callback(error);
    });
  }

  try {
    const bundling = bundleFunctions({
      pipelineFile: options.pipelineFile,
      entries: options.entries ?? functionEntries(packageRoot),
      source: source.kind,
      packageRoot,
    });
    bundling.catch(() => undefined);
    const bundlingSinks = bundleSinks(options.pipelineFile, sinks, packageRoot);
    bundlingSinks.catch(() => undefined);
    const files = await bundleProcesses(packageRoot);

    const emulatorPorts = deferred<Ports>();
    const functionPorts = deferred<Ports>();
    const stream = deferred<{ readonly createdAtSeconds: number }>();
    const always = { restarts: 'always', onFatal } as const;

    const emulators = superviseChild<EmulatorsOptions>({
      kind: 'emulators',
      file: files['emulators-process'],
      restarts: dataDir === null ? 'never' : 'always',
      onFatal,
      options: async (_memo, ports) => ({
        dataDir,
        ports: { kinesis: portOf(ports, 'kinesis'), dynamodb: portOf(ports, 'dynamodb') },
      }),
    });
    const functions = superviseChild<FunctionsOptions>({
      ...always,
      kind: 'functions',
      file: files['functions-process'],
      options: async (_memo, ports) => {
        const emulated = await emulatorPorts.promise;
        const sinkFiles = await bundlingSinks;
        return {
          names,
          files: await bundling,
          workerFile: files['environment-worker'],
          dataDir,
          port: portOf(ports, 'functions'),
          emulators: { kinesis: urlOf(portOf(emulated, 'kinesis')), dynamodb: urlOf(portOf(emulated, 'dynamodb')) },
          environments: {
            aggregate: options.aggregateEnvironments ?? 2,
            finalize: finalizeEnvironments,
            query: queryEnvironments,
            ingest: ingestEnvironments,
          },
          timeoutMs: timeouts(options),
          kicks: finalizeEveryMs !== null,
          sinks: sinks.map((sink) => ({
            name: sink.name,
            functionName: sinkFunctionName(options.pipelineName, sink.name),
            file: sinkFiles[sink.name] ?? '',
            timeoutMs: options.timeoutMs?.deliver ?? deliver.timeoutSeconds * 1_000,
            target: sinkTarget(options.pipelineName, sink),
            secret: sinkSecret(sink, process.env),
          })),
          variables: { ...brokersOf(kafka), ...options.functionVariables },
        };
      },
    });
    const runner = superviseChild<RunnerOptions>({
      ...always,
      kind: 'runner',
      file: files['runner-process'],
      options: async (memo, ports) => {
        const [emulated, served, { createdAtSeconds }] = await Promise.all([
          emulatorPorts.promise,
          functionPorts.promise,
          stream.promise,
        ]);
        return {
          pipelineName: options.pipelineName,
          names,
          streamCreatedAtSeconds: createdAtSeconds,
          dataDir,
          port: ports === undefined ? (options.port ?? 0) : portOf(ports, 'front'),
          ports: {
            kinesis: portOf(emulated, 'kinesis'),
            dynamodb: portOf(emulated, 'dynamodb'),
            functions: portOf(served, 'functions'),
          },
          source,
          batchWindowMs: options.batchWindowMs ?? mapping.batchWindowSeconds * 1_000,
          batchSize: options.batchSize ?? mapping.batchSize,
          finalizeEveryMs,
          sinkFunctions: Object.values(sinkFunctions),
          memo: (memo as RunnerMemo | undefined) ?? null,
        };
      },
    });
    children.push(emulators, functions, runner);

    const startRunner = runner.start();
    startRunner.catch(() => undefined);
    const startFunctions = functions.start();
    startFunctions.catch(() => undefined);
    const emulated = await emulators.start();
    emulatorPorts.resolve(emulated);
    const ports = { kinesis: portOf(emulated, 'kinesis'), dynamodb: portOf(emulated, 'dynamodb') };
    startFunctions.then(functionPorts.resolve, () => undefined);
    await Promise.all([bundling, bundlingSinks]);
    // Other functions keep other state.
    if (dataDir !== null && options.entries === undefined)
      await checkHistory({ dataDir, names, ports, nowMs: Date.now() });
    const identity = await ensureResources(names, kafka === undefined ? options.shards : undefined, ports);
    await ensureTargets(
      sinks.map((sink) => ({ kind: sink.kind, target: sinkTarget(options.pipelineName, sink) })),
      ports,
    );
    stream.resolve(identity);
    await startFunctions;
    const url = urlOf(portOf(await startRunner, 'front'));

    const byKind: Readonly<Record<ProcessKind, Child>> = { emulators, functions, runner };
    return {
      url,
      endpoints: { kinesis: urlOf(ports.kinesis), dynamodb: urlOf(ports.dynamodb), lambda: url },
      streamName: names.stream,
      tableNames: names.tables,
      functionNames: names.functions,
      sinkFunctions,
      pids: () => ({ emulators: emulators.pid(), runner: runner.pid(), functions: functions.pid() }),
      kill: (kind) => byKind[kind].kill(),
      restart: (kind) => byKind[kind].restart(),
      stop,
      onExit: (callback) => exitCallbacks.push(callback),
    };
  } catch (error) {
    await stop();
    throw error;
  }
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

/** Looks before everything is started; the runner finds out too, some seconds later. */
async function assertFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(port, error)));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

/** How the functions reach the brokers, as their environment says it. */
function brokersOf(kafka: LocalKafka | undefined): Record<string, string> {
  if (kafka === undefined) return {};
  const { topic: _name, ...brokers } = checkKafkaSource({
    topic: kafka.topic,
    bootstrapServers: kafka.bootstrapServers,
    authentication: 'plaintext',
  });
  return { [environmentNames.kafka]: JSON.stringify(brokers) };
}

function timeouts(options: LocalOptions): Record<LocalFunctionName, number> {
  const of = (name: FunctionName): number => options.timeoutMs?.[name] ?? settings[name].timeoutSeconds * 1_000;
  return {
    aggregate: of('aggregate'),
    finalize: of('finalize'),
    query: of('query'),
    ingest: sourceFunctions.ingest.timeoutSeconds * 1_000,
  };
}

function portOf(ports: Ports | undefined, name: string): number {
  return ports?.[name] ?? 0;
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
}

function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
