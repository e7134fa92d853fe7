import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isoTime } from '../../functions/core/event-time.ts';
import type { Pipeline } from '../../functions/core/pipeline.ts';
import type { FinalizeAnswer } from '../../functions/finalize.ts';
import { startLocal } from '../../infra/local/local.ts';
import { type ConservationJson, resultRows } from '../api-client.ts';
import type { CommandProcess } from '../command.ts';
import { TidemarkError, UsageError } from '../errors.ts';
import { linePartitionKey } from '../feed.ts';
import { type Coverage, readCoverage } from '../feeder/coverage.ts';
import { createFeeder, type Feeder } from '../feeder/feeder.ts';
import { createProgress } from '../progress.ts';
import type { ResultRow } from '../result-table.ts';
import { formatNumber } from '../table.ts';
import { type Embedded, embedded } from './embedded.ts';
import { type FeedCheckpoint, hasCheckpoint, readCheckpoint, writeCheckpoint } from './feed-checkpoint.ts';
import { type Trigger, type TriggerSize, triggersOf } from './triggers.ts';

/** The whole system, embedded, over files: what it is told. */
export interface StreamRunOptions {
  readonly pipeline: Pipeline;
  readonly pipelineFile: string;
  readonly files: readonly string[];
  readonly shards: number;
  readonly trigger: TriggerSize;
  /** Keeps the stream, the tables and how far the files are read; in memory without. */
  readonly dataDir: string | undefined;
  /** `resume` goes on with what the data folder holds; `fresh` refuses a folder that holds something. */
  readonly start: 'fresh' | 'resume';
  readonly process: CommandProcess;
  /** Is called while a trigger's records are on their way, with the number of whole files before it. */
  readonly during?: (system: Embedded, filesDone: number, put: () => Promise<void>) => Promise<void>;
}

/** What the stream has found. */
export interface StreamResult {
  readonly rows: readonly ResultRow[];
  readonly conservation: ConservationJson;
  readonly writeUnits: number;
  /** When the first run began, epoch ms: what the side output holds of it arrived since. */
  readonly startedAt: number;
  /** Seconds: until the system was ready; from then until the last window was final. */
  readonly startSeconds: number;
  readonly streamSeconds: number;
}

/** How long (ms) between two requests to drain, while records are on their way. */
const drainEveryMs = 20;

/**
 * Files -> Kinesis -> aggregate -> DynamoDB -> finalize -> query API, until all input is consumed and the end of the stream has closed every
 * window. `use` sees the system before it is stopped.
 */
export async function runStream<T>(options: StreamRunOptions, use: (system: Embedded, result: StreamResult) => Promise<T>): Promise<T> {
  const { pipeline, process } = options;
  const resumed = await checkData(options);
  const began = process.now();
  const checkpoint = resumed ?? (await firstCheckpoint(options, began));
  const system = embedded(
    await startLocal({
      pipelineFile: options.pipelineFile,
      pipelineName: pipeline.name,
      shards: options.shards,
      batchWindowMs: 0,
      finalizeEveryMs: null,
      sinks: pipeline.sinks,
      ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    }),
  );
  const ended = new AbortController();
  system.local.onExit((error) => ended.abort(error));
  const signal = AbortSignal.any([process.signal, ended.signal]);
  try {
    // Ready is when the functions answer: deployed ones have long been started by their schedule and their readers.
    await Promise.all([system.api.queries(), system.finalize({})]);
    const ready = process.now();
    const { startedAt } = checkpoint;
    await feed({ ...options, process: { ...process, signal } }, system, checkpoint, resumed === undefined ? 'fresh' : 'resume');
    await deliverAll(system, pipeline, process);
    const conservation = await system.api.conservation();
    const rows = (await Promise.all(pipeline.queries.map((query) => system.api.windows(query.name, { status: 'final' })))).flatMap(resultRows);
    const done = process.now();
    const writeUnits = await system.writeUnits();
    return await use(system, {
      rows,
      conservation,
      writeUnits,
      startedAt,
      startSeconds: (ready - began) / 1000,
      streamSeconds: (done - ready) / 1000,
    });
  } finally {
    await system.close();
  }
}

/** @throws before anything is started, so that a stream is never mixed with another or counted twice */
async function checkData({ dataDir, start, files, pipeline }: StreamRunOptions): Promise<FeedCheckpoint | undefined> {
  if (dataDir === undefined) {
    if (start === 'resume') throw new UsageError('--resume needs --data: name the folder that holds the stream');
    return undefined;
  }
  const bases = files.map((file) => path.basename(file));
  const twice = bases.find((name, i) => bases.indexOf(name) !== i);
  if (twice !== undefined)
    throw new UsageError(`two files are named ${twice}: with --data, files are known by their base names, so give them different ones`);
  if (!hasCheckpoint(dataDir)) {
    if (existsSync(dataDir) && readdirSync(dataDir).some((name) => name === 'kinesis' || name === 'dynamodb'))
      throw new TidemarkError(`--data: ${dataDir} holds something else than a stream of files: name an empty or a new folder`);
    return undefined;
  }
  if (start === 'fresh') throw new TidemarkError(`--data: ${dataDir} holds a stream that was begun: go on with --resume, or name another folder`);
  const checkpoint = await readCheckpoint(dataDir);
  if (checkpoint.pipeline !== pipeline.name)
    throw new TidemarkError(`--pipeline: ${dataDir} holds a stream of ${checkpoint.pipeline}, not of ${pipeline.name}: name that one`);
  if (checkpoint.files.join() !== fileNames(files).join())
    throw new TidemarkError(`FILES: ${dataDir} holds a stream of other files (${checkpoint.files.length}): name the same ones in the same order`);
  return checkpoint;
}

/** Files as a checkpoint knows them: by base name and size. */
function fileNames(files: readonly string[]): readonly string[] {
  return files.map((file) => `${path.basename(file)}:${statSync(file).size}`);
}

/** Written before anything is started: whatever a kill leaves behind is this stream's, and can be gone on with. */
async function firstCheckpoint({ files, pipeline, dataDir }: StreamRunOptions, startedAt: number): Promise<FeedCheckpoint> {
  const checkpoint: FeedCheckpoint = { files: fileNames(files), pipeline: pipeline.name, filesDone: 0, positions: {}, startedAt };
  if (dataDir !== undefined) {
    await mkdir(dataDir, { recursive: true });
    await writeCheckpoint(dataDir, checkpoint);
  }
  return checkpoint;
}

async function feed(options: StreamRunOptions, system: Embedded, checkpoint: FeedCheckpoint, start: StreamRunOptions['start']): Promise<void> {
  const { files, pipeline, process, dataDir } = options;
  const { signal } = process;
  const { kinesis, local } = system;
  const positions = new Map(Object.entries(checkpoint.positions));
  // What the stream holds after the last checkpoint was put by a run that was killed: it is read back and not put again.
  const skip: Coverage | undefined =
    start === 'fresh' ? undefined : await readCoverage({ kinesis, streamName: local.streamName, after: positions, signal });
  if (skip !== undefined) for (const [shardId, number] of skip.greatest) positions.set(shardId, number);
  const feeder = createFeeder({ kinesis, streamName: local.streamName, partitionKey: linePartitionKey(pipeline), signal });
  const progress = await createProgress({ label: 'stream', total: files.length }, process);
  let detail = '';
  let final = 0;
  const describe = ({ watermark, windows, windowsOpen }: FinalizeAnswer) => {
    const { eventsPut, skipped } = feeder.progress();
    final += windows;
    const time = watermark === null ? 'none yet' : isoTime(watermark);
    return `records in ${formatNumber(eventsPut + skipped)}, watermark ${time}, windows open ${windowsOpen}, final ${final}`;
  };
  try {
    const rest = files.slice(checkpoint.filesDone);
    for await (const trigger of triggersOf(rest, options.trigger)) {
      await runTrigger(options, system, { trigger, feeder, skip, positions, filesBefore: checkpoint.filesDone });
      const answer = await system.finalize({});
      const filesDone = checkpoint.filesDone + trigger.filesDone;
      if (dataDir !== undefined) await writeCheckpoint(dataDir, { ...checkpoint, filesDone, positions: Object.fromEntries(positions) });
      detail = describe(answer);
      progress.update(filesDone, detail);
    }
    detail = describe(await drain(system, signal));
  } finally {
    progress.stop(detail);
  }
}

interface TriggerRun {
  readonly trigger: Trigger;
  readonly feeder: Feeder;
  readonly skip: Coverage | undefined;
  readonly positions: Map<string, string>;
  readonly filesBefore: number;
}

/** Puts one trigger's records and waits until they are committed. */
async function runTrigger(options: StreamRunOptions, system: Embedded, { trigger, feeder, skip, positions, filesBefore }: TriggerRun): Promise<void> {
  const put = async () => {
    await trigger.put(feeder, skip);
    for (const [shardId, number] of await feeder.flush()) positions.set(shardId, number);
  };
  if (options.during === undefined) await put();
  else await options.during(system, filesBefore + trigger.filesDone, put);
  await system.committed(positions, options.process.signal);
}

/** The sinks get what is final before the run ends; what a sink does not take waits in the data folder, or is told of and gone with the memory. */
async function deliverAll(system: Embedded, { sinks }: Pipeline, { stderr }: CommandProcess): Promise<void> {
  const reports = await system.deliver();
  for (const [name, { failed, oldestMs, deadLetters }] of Object.entries(reports))
    if (oldestMs > 0 || deadLetters > 0 || failed > 0)
      stderr.write(`tidemark: sink ${name} has not taken everything: ${failed} attempts failed, ${deadLetters} dead letters\n`);
  const away = sinks.filter(({ name }) => !Object.hasOwn(reports, name));
  if (away.length > 0) stderr.write(`tidemark: nothing is published here to ${away.map(({ name, kind }) => `${name} (${kind})`).join(', ')}\n`);
}

/** The end of a finite stream: repeated until everything is committed and every window final. */
async function drain(system: Embedded, signal: AbortSignal): Promise<FinalizeAnswer> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await system.finalize({ request: 'drain' });
    if (answer.drained) return answer;
    await delay(drainEveryMs);
  }
}
