import { checkKafkaSource } from '../../functions/core/definition/kafka-source.ts';
import {
  deliver,
  type FunctionName,
  mapping,
  functions as settings,
  sourceFunctions,
} from '../../functions/core/deployment/settings.ts';
import { environmentNames } from '../../functions/core/deployment/tables.ts';
import type { ProcessName } from '../bundle/process-files.ts';
import type { LocalKafka, LocalOptions, LocalPlan } from './local-options.ts';
import type { Ports, ProcessKind } from './processes/child-messages.ts';
import type { ChildSpec } from './processes/child-process.ts';
import type { EmulatorsOptions } from './processes/emulators-process.ts';
import type { FunctionsOptions } from './processes/functions-process.ts';
import type { RunnerMemo, RunnerOptions } from './processes/runner-process.ts';
import type { LocalFunctionName } from './resources/bundle.ts';
import { type LocalSink, localSinkTarget, sinkFunctionName, sinkSecret } from './resources/local-sinks.ts';
import type { CreatedStream } from './resources/resources.ts';

/** The values that become known while the system starts. A process waits only for those that it needs. */
export interface StartUp {
  /** The bundled files of the processes. */
  readonly files: Readonly<Record<ProcessName, string>>;
  readonly functionFiles: Promise<Readonly<Record<LocalFunctionName, string>>>;
  /** The bundled functions of the sinks, by the sink's name. */
  readonly sinkFiles: Promise<Readonly<Record<string, string>>>;
  /** The ports of the other processes; the same after a restart. */
  readonly emulators: Promise<Ports>;
  readonly functions: Promise<Ports>;
  readonly stream: Promise<CreatedStream>;
}

/** A process: the options that it receives at each start, and whether it is started anew after its death. */
interface Process<Options> {
  restarts(plan: LocalPlan): ChildSpec<Options>['restarts'];
  options(plan: LocalPlan, startUp: StartUp, ...last: Parameters<ChildSpec<Options>['options']>): Promise<Options>;
}

/** The options of each process, by its kind. */
export interface ProcessOptions {
  readonly emulators: EmulatorsOptions;
  readonly functions: FunctionsOptions;
  readonly runner: RunnerOptions;
}

/** Most execution environments of each function. */
const environments: Readonly<Record<LocalFunctionName, number>> = { aggregate: 2, finalize: 2, query: 2, ingest: 2 };

/** The processes of the embedded AWS. */
export const processes: { readonly [Kind in ProcessKind]: Process<ProcessOptions[Kind]> } = {
  emulators: {
    // Data that they hold in memory only is gone with them.
    restarts: ({ dataDir }) => (dataDir === null ? 'never' : 'always'),
    options: async ({ dataDir }, _startUp, _memo, ports) => ({
      dataDir,
      ports: { kinesis: portOf(ports, 'kinesis'), dynamodb: portOf(ports, 'dynamodb') },
    }),
  },
  functions: {
    restarts: () => 'always',
    async options(plan, startUp, _memo, ports) {
      const { options, names, dataDir } = plan;
      const emulators = await startUp.emulators;
      return {
        names,
        files: await startUp.functionFiles,
        workerFile: startUp.files['environment-worker'],
        dataDir,
        port: portOf(ports, 'functions'),
        emulators: { kinesis: urlOf(portOf(emulators, 'kinesis')), dynamodb: urlOf(portOf(emulators, 'dynamodb')) },
        environments: { ...environments, aggregate: options.aggregateEnvironments ?? environments.aggregate },
        timeoutMs: timeouts(options),
        kicks: plan.finalizeEveryMs !== null,
        sinks: localSinks(plan, await startUp.sinkFiles),
        variables: { ...brokersOf(options.kafka), ...options.functionVariables },
      };
    },
  },
  runner: {
    restarts: () => 'always',
    async options({ options, names, dataDir, source, finalizeEveryMs, sinks }, startUp, memo, ports) {
      const [emulators, functions, stream] = await Promise.all([startUp.emulators, startUp.functions, startUp.stream]);
      return {
        pipelineName: options.pipelineName,
        names,
        streamCreatedAtSeconds: stream.createdAtSeconds,
        dataDir,
        port: ports === undefined ? (options.port ?? 0) : portOf(ports, 'front'),
        ports: {
          kinesis: portOf(emulators, 'kinesis'),
          dynamodb: portOf(emulators, 'dynamodb'),
          functions: portOf(functions, 'functions'),
        },
        source,
        batchWindowMs: options.batchWindowMs ?? mapping.batchWindowSeconds * 1_000,
        batchSize: options.batchSize ?? mapping.batchSize,
        finalizeEveryMs,
        sinkFunctions: sinks.map(({ name }) => sinkFunctionName(options.pipelineName, name)),
        memo: (memo as RunnerMemo | undefined) ?? null,
      };
    },
  },
};

/** The port at which a process serves something; 0 (any) when it has not served yet. */
export function portOf(ports: Ports | undefined, name: string): number {
  return ports?.[name] ?? 0;
}

/** The URL of a port of this machine. */
export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function localSinks({ options, sinks }: LocalPlan, files: Readonly<Record<string, string>>): readonly LocalSink[] {
  const { pipelineName, timeoutMs } = options;
  return sinks.map((sink) => ({
    name: sink.name,
    functionName: sinkFunctionName(pipelineName, sink.name),
    file: files[sink.name] ?? '',
    timeoutMs: timeoutMs?.deliver ?? deliver.timeoutSeconds * 1_000,
    target: localSinkTarget(pipelineName, sink),
    secret: sinkSecret(sink, process.env),
  }));
}

/** The environment variable by which the functions reach the brokers. */
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
