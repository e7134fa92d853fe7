import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { startLocal } from '../../infra/local/local.ts';
import { ensureEmptyTopic, type TopicPlace } from '../feeder/kafka-topic.ts';
import { publishRows } from '../lookup/publish-rows.ts';
import { createProgress } from '../print/progress.ts';
import type { CommandProcess } from '../program/command.ts';
import { type Embedded, embedded } from './embedded.ts';
import { checkFits } from './fit.ts';

/** The options of the whole system, embedded. */
export interface StreamSystemOptions {
  readonly pipeline: Pipeline;
  readonly pipelineFile: string;
  readonly shards: number;
  /** A Kafka topic that is made and fed in place of a stream. @default Kinesis */
  readonly kafka?: TopicPlace | undefined;
  /** Upper bound of the speed at which events are put. @default none */
  readonly eventsPerSecond?: number | undefined;
  /** The folder of the stream, the tables and the progress of the input. Undefined: they are kept in memory. */
  readonly dataDir: string | undefined;
  /** Rows for the pipeline's table, which are published before anything is put. @default none */
  readonly lookupRows?: readonly object[] | undefined;
  readonly process: CommandProcess;
}

/** A system that is ready. */
export interface RunningSystem {
  readonly system: Embedded;
  /** Aborted by Ctrl-C, and when the system ends by itself. */
  readonly signal: AbortSignal;
  /** The time at which it was ready, epoch ms, and the seconds that it took to start. */
  readonly readyMs: number;
  readonly startSeconds: number;
}

/** Starts the system, and stops it when `use` is done with it. It makes windows final when it is asked to. */
export async function withSystem<T>(
  options: StreamSystemOptions,
  use: (running: RunningSystem) => Promise<T>,
): Promise<T> {
  const { process, dataDir } = options;
  const beganMs = process.now();
  const starting = createProgress({ label: 'start', total: undefined }, process);
  starting.update(0, 'the embedded AWS, and its functions');
  if (options.kafka !== undefined) await ensureEmptyTopic({ ...options.kafka, partitions: options.shards });
  const system = embedded(
    await startLocal({
      pipelineFile: options.pipelineFile,
      pipelineName: options.pipeline.name,
      shards: options.shards,
      batchWindowMs: 0,
      finalizeEveryMs: null,
      sinks: options.pipeline.sinks,
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(options.kafka === undefined ? {} : { kafka: options.kafka }),
    }).finally(() => starting.stop('')),
    (line) => process.stderr.write(`${line}\n`),
  );
  const ended = new AbortController();
  system.local.onExit((error) => ended.abort(error));
  const signal = AbortSignal.any([process.signal, ended.signal]);
  try {
    // The system is ready when the functions answer: deployed ones have long been started by their schedule and their
    // readers.
    if (dataDir !== undefined) await checkFits(system.api);
    await Promise.all([system.api.queries(), system.finalize({})]);
    const { pipeline, lookupRows: rows } = options;
    if (pipeline.lookupTable !== undefined && rows !== undefined)
      await publishRows(system.ask, {
        table: pipeline.lookupTable.table,
        rows,
        from: undefined,
        nowMs: process.now(),
        signal,
      });
    const readyMs = process.now();
    const result = await use({ system, signal, readyMs, startSeconds: (readyMs - beganMs) / 1000 });
    await deliverAll(system, options.pipeline, process);
    return result;
  } finally {
    await system.close();
  }
}

/**
 * Delivers to the sinks before the run ends. Windows that a sink does not take are told of. They wait in the data
 * folder, or are lost with the memory.
 */
async function deliverAll(system: Embedded, { sinks }: Pipeline, { stderr }: CommandProcess): Promise<void> {
  const reports = await system.deliver();
  for (const [name, { failed, oldestMs, deadLetters }] of Object.entries(reports))
    if (oldestMs > 0 || deadLetters > 0 || failed > 0)
      stderr.write(
        `tidemark: sink ${name} has not taken everything: ${failed} attempts failed, ${deadLetters} dead letters\n`,
      );
  const away = sinks.filter(({ name }) => !Object.hasOwn(reports, name));
  if (away.length > 0)
    stderr.write(
      `tidemark: nothing is published here to ${away.map(({ name, kind }) => `${name} (${kind})`).join(', ')}\n`,
    );
}
