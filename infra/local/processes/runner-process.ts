import type { Server } from 'node:http';
import { mapping } from '../../../functions/core/deployment/settings.ts';
import { createAwsJson } from '../account/aws-json.ts';
import { cannotListen } from '../account/local-error.ts';
import { dataFolder } from '../emulators/data-folder.ts';
import { close, listen } from '../emulators/emulator.ts';
import { followPutHints } from '../emulators/put-hints-client.ts';
import { createFront } from '../gateway/front.ts';
import type { MetricSums } from '../lambda/emf.ts';
import { createFunctionClient } from '../lambda/function-client.ts';
import { startSchedule } from '../lambda/schedule.ts';
import {
  type CheckpointFile,
  createCheckpoints,
  readCheckpoints,
  type SaveCheckpoints,
  writeCheckpoints,
} from '../mapping/checkpoints.ts';
import { startEventSourceMapping } from '../mapping/event-source-mapping.ts';
import { startKafkaMapping } from '../mapping/kafka-mapping.ts';
import type { LocalFunctionName } from '../resources/bundle.ts';
import type { ResourceNames } from '../resources/resources.ts';
import { type ParentLink, type RunningChild, runChild } from './child-main.ts';

/** The options of the runner process. */
export interface RunnerOptions {
  readonly pipelineName: string;
  readonly names: ResourceNames;
  readonly streamCreatedAtSeconds: number;
  readonly dataDir: string | null;
  /** The port of the HTTP front, 0 for any. It is the same after a restart. */
  readonly port: number;
  readonly ports: { readonly kinesis: number; readonly dynamodb: number; readonly functions: number };
  /** The source of the events. */
  readonly source: RunnerSource;
  readonly batchWindowMs: number;
  readonly batchSize: number;
  /** Null: finalize is not invoked here. */
  readonly finalizeEveryMs: number | null;
  /** The functions of the sinks. Each has a schedule, as finalize has. */
  readonly sinkFunctions: readonly string[];
  /** The last memo of a runner that died. */
  readonly memo: RunnerMemo | null;
}

/** The pipeline's stream of Kinesis, or a Kafka topic that the named consumer group reads. */
export type RunnerSource =
  | { readonly kind: 'kinesis' }
  | {
      readonly kind: 'kafka';
      readonly bootstrapServers: readonly string[];
      readonly groupId: string;
      readonly pollers: number;
    };

/** The state that the parent keeps in case the runner is killed. */
export interface RunnerMemo {
  /** The checkpoints, where there is no data folder. */
  readonly checkpoints: CheckpointFile | null;
  readonly metrics: Readonly<Record<string, MetricSums>>;
}

/** How long (ms) a stop waits for invocations in flight. */
const stopWithinMs = 5_000;

async function start(options: RunnerOptions, parent: ParentLink): Promise<RunningChild> {
  const { names, ports, dataDir } = options;
  const metrics: Record<string, MetricSums> = { ...options.memo?.metrics };
  let kept: CheckpointFile = options.memo?.checkpoints ?? { version: 1, streams: {} };
  const remember = (): void =>
    parent.remember({ checkpoints: dataDir === null ? kept : null, metrics } satisfies RunnerMemo);

  const nameOf = new Map(
    (Object.entries(names.functions) as [LocalFunctionName, string][]).map(([name, full]) => [full, name]),
  );
  const onMetrics = (functionName: string, sums: MetricSums): void => {
    const name = nameOf.get(functionName) ?? functionName;
    const total = metrics[name] ?? {};
    metrics[name] = total;
    for (const [metric, value] of Object.entries(sums)) total[metric] = (total[metric] ?? 0) + value;
    remember();
  };

  const file = dataDir === null ? undefined : dataFolder(dataDir).checkpoints;
  const save: SaveCheckpoints = async (next) => {
    kept = next;
    if (file === undefined) remember();
    else await writeCheckpoints(file, next);
  };
  const saved = file === undefined ? kept : readCheckpoints(file);
  const checkpoints = createCheckpoints(saved, names.stream, options.streamCreatedAtSeconds, save, parent.fail);

  const client = createFunctionClient(ports.functions, onMetrics);
  const kinesis = createAwsJson('kinesis', ports.kinesis);
  const { source } = options;
  const shared = {
    checkpoints,
    delivery: { batchSize: options.batchSize, batchBytes: mapping.batchBytes, batchWindowMs: options.batchWindowMs },
    invoke: (event: string) => client.invoke(names.functions.aggregate, event),
  };
  const esm =
    source.kind === 'kafka'
      ? startKafkaMapping({ ...shared, ...source, topic: names.stream })
      : startEventSourceMapping({ ...shared, streamName: names.stream, kinesis });
  const stopHints = source.kind === 'kafka' ? () => undefined : followPutHints(ports.kinesis, esm.onHint, esm.wakeAll);
  const everyMs = options.finalizeEveryMs;
  const stopSchedules =
    everyMs === null
      ? []
      : [names.functions.finalize, ...options.sinkFunctions].map((scheduled) =>
          startSchedule(scheduled, everyMs, (event) => client.invoke(scheduled, event)),
        );

  const front = createFront({
    ports,
    onMetrics,
    query: (event, gone) => client.invoke(names.functions.query, event, gone),
    ingest: (event, gone) => client.invoke(names.functions.ingest, event, gone),
    pages: {
      health: () => health(options, front),
      metrics: async () => metrics,
      mapping: (parameters) =>
        parameters.has('after') ? esm.statusAfter(Number(parameters.get('after'))) : Promise.resolve(esm.status()),
    },
  });
  const port = await listenFront(front, options.port);
  await esm.begun;
  return {
    ports: { front: port },
    async stop() {
      stopHints();
      await Promise.race([
        Promise.all([esm.stop(), ...stopSchedules.map((stopSchedule) => stopSchedule())]),
        new Promise((resolve) => setTimeout(resolve, stopWithinMs)),
      ]);
      await checkpoints.flush();
      await close(front);
    },
  };
}

async function listenFront(front: Server, port: number): Promise<number> {
  try {
    return await listen(front, port);
  } catch (error) {
    throw cannotListen(port, error);
  }
}

async function health(options: RunnerOptions, front: Server): Promise<unknown> {
  const { names, ports } = options;
  const urlOf = (port: number): string => `http://127.0.0.1:${port}`;
  const address = front.address();
  const url = urlOf(typeof address === 'object' && address !== null ? address.port : options.port);
  const up = await Promise.all([
    isUp(`${urlOf(ports.functions)}/_tidemark/ping`),
    isUp(urlOf(ports.kinesis)),
    isUp(urlOf(ports.dynamodb)),
  ]);
  return {
    ready: up.every((each) => each),
    pipeline: options.pipelineName,
    url,
    endpoints: { kinesis: urlOf(ports.kinesis), dynamodb: urlOf(ports.dynamodb), lambda: url },
    stream: names.stream,
    tables: names.tables,
    functions: names.functions,
  };
}

/** Whether a server answers. Any answer counts: Kinesis refuses a GET, but that shows that it is there. */
async function isUp(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

runChild<RunnerOptions>('runner', start);
