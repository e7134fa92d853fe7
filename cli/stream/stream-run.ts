import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FinalizeAnswer } from '../../functions/operations/advance.ts';
import { type ConservationJson, resultRows } from '../deployment/api-client.ts';
import { checkInputs } from '../input/input-chunks.ts';
import type { InputFile } from '../input/input-file.ts';
import { createProgress } from '../print/progress.ts';
import type { ResultRow } from '../print/result-table.ts';
import { TidemarkError, UsageError } from '../program/errors.ts';
import { statusAtEnd } from '../static/static-rows.ts';
import type { Embedded } from './embedded.ts';
import { type FeedCheckpoint, hasCheckpoint, readCheckpoint, writeCheckpoint } from './feed-checkpoint.ts';
import { createFeeding } from './feeding.ts';
import { type RunningSystem, type StreamSystemOptions, withSystem } from './stream-system.ts';
import { type Trigger, type TriggerSize, triggersOf } from './triggers.ts';

/** The options of a run of the whole system, embedded, over files. */
export interface StreamRunOptions extends StreamSystemOptions {
  readonly files: readonly InputFile[];
  readonly trigger: TriggerSize;
  /** `resume` goes on with the stream in the data folder; `fresh` refuses a folder that holds something. */
  readonly start: 'fresh' | 'resume';
  /** Is called while a trigger's records are on their way, with the number of whole files before it. */
  readonly during?: (system: Embedded, filesDone: number, put: () => Promise<void>) => Promise<void>;
  /** Is called before the first trigger (0), after the finalize run of each one, and after the end of the stream. */
  readonly afterTrigger?: (system: Embedded, trigger: number) => Promise<void>;
}

/** The result of a stream. */
export interface StreamResult {
  readonly rows: readonly ResultRow[];
  readonly conservation: ConservationJson;
  readonly writeUnits: number;
  /** The start of the first run, epoch ms: events of the run in the side output have arrived since then. */
  readonly startedAt: number;
  /** Seconds: `startSeconds` until the system was ready, `streamSeconds` from then until the last window was final. */
  readonly startSeconds: number;
  readonly streamSeconds: number;
}

/** The pause between two requests to drain while records are on their way, in ms. */
const drainEveryMs = 20;

/**
 * Files -> Kinesis (or Kafka) -> aggregate -> DynamoDB -> finalize -> query API, until all input is consumed and the
 * end of the stream has closed every window. `use` sees the system before it is stopped.
 */
export async function runStream<T>(
  options: StreamRunOptions,
  use: (system: Embedded, result: StreamResult) => Promise<T>,
): Promise<T> {
  const { pipeline, process } = options;
  const resumed = await checkData(options);
  await checkInputs(options.files.slice(resumed?.filesDone), process.signal);
  const checkpoint = resumed ?? (await firstCheckpoint(options, process.now()));
  return withSystem(options, async (running) => {
    const { system, readyMs, startSeconds } = running;
    await feed(options, running, checkpoint, resumed === undefined ? 'fresh' : 'resume');
    const conservation = await system.api.conservation();
    const rows = (
      await Promise.all(pipeline.queries.map((query) => system.api.windows(query.name, { status: statusAtEnd(query) })))
    ).flatMap(resultRows);
    const streamSeconds = (process.now() - readyMs) / 1000;
    const writeUnits = await system.writeUnits();
    return use(system, {
      rows,
      conservation,
      writeUnits,
      startedAt: checkpoint.startedAt,
      startSeconds,
      streamSeconds,
    });
  });
}

/**
 * Checks the data folder.
 * @throws before anything is started, so that a stream is never mixed with another or counted twice
 */
async function checkData({ dataDir, start, files, pipeline }: StreamRunOptions): Promise<FeedCheckpoint | undefined> {
  const bases = files.map((file) => path.basename(file.path));
  const twice = bases.find((name, i) => bases.indexOf(name) !== i);
  if (dataDir !== undefined && twice !== undefined)
    throw new UsageError(
      `two files are named ${twice}: with --data, files are known by their base names, so give them different ones`,
    );
  const checkpoint = await begunStream({ dataDir, start, pipeline });
  if (checkpoint?.watched !== undefined)
    throw new TidemarkError(
      `FILES: ${dataDir} holds a stream of the folder ${checkpoint.watched}: go on with --watch and that folder`,
    );
  if (checkpoint !== undefined && checkpoint.files.join() !== fileNames(files).join())
    throw new TidemarkError(
      `FILES: ${dataDir} holds a stream of other files (${checkpoint.files.length}): name the same ones in the same order`,
    );
  return checkpoint;
}

/**
 * The checkpoint of a stream that was begun in a data folder; undefined when there is none to go on with.
 * @throws when the folder belongs to something else, or holds a stream that the run was not asked to go on with
 */
export async function begunStream({
  dataDir,
  start,
  pipeline,
}: Pick<StreamRunOptions, 'dataDir' | 'start' | 'pipeline'>): Promise<FeedCheckpoint | undefined> {
  if (dataDir === undefined) {
    if (start === 'resume') throw new UsageError('--resume needs --data: name the folder that holds the stream');
    return undefined;
  }
  if (!hasCheckpoint(dataDir)) {
    if (existsSync(dataDir) && readdirSync(dataDir).some((name) => name === 'kinesis' || name === 'dynamodb'))
      throw new TidemarkError(
        `--data: ${dataDir} holds something else than a stream of files: name an empty or a new folder`,
      );
    return undefined;
  }
  if (start === 'fresh')
    throw new TidemarkError(
      `--data: ${dataDir} holds a stream that was begun: go on with --resume, or name another folder`,
    );
  const checkpoint = await readCheckpoint(dataDir);
  if (checkpoint.pipeline !== pipeline.name)
    throw new TidemarkError(
      `--pipeline: ${dataDir} holds a stream of ${checkpoint.pipeline}, not of ${pipeline.name}: name that one`,
    );
  return checkpoint;
}

/** Files as a checkpoint knows them: by base name and size. */
function fileNames(files: readonly InputFile[]): readonly string[] {
  return files.map((file) => `${path.basename(file.path)}:${statSync(file.path).size}`);
}

/**
 * Writes a checkpoint before anything is started: all that a kill leaves behind belongs to this stream, and a run can
 * go on with it.
 */
async function firstCheckpoint(
  { files, pipeline, dataDir }: StreamRunOptions,
  startedAt: number,
): Promise<FeedCheckpoint> {
  const checkpoint: FeedCheckpoint = {
    files: fileNames(files),
    pipeline: pipeline.name,
    filesDone: 0,
    positions: {},
    startedAt,
  };
  if (dataDir !== undefined) {
    await mkdir(dataDir, { recursive: true });
    await writeCheckpoint(dataDir, checkpoint);
  }
  return checkpoint;
}

async function feed(
  options: StreamRunOptions,
  running: RunningSystem,
  checkpoint: FeedCheckpoint,
  start: StreamRunOptions['start'],
): Promise<void> {
  const { files, process, dataDir } = options;
  const { system, signal } = running;
  const feeding = await createFeeding({ ...options, system, signal, checkpoint, start });
  const left = files.slice(checkpoint.filesDone);
  const isSized = left.every(({ bytes }) => bytes !== undefined);
  const total = isSized ? left.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0) : undefined;
  const progress = createProgress({ label: 'stream', total }, process);
  let bytesRead = 0;
  let detail = '';
  const tell = (bytes: number): void => {
    bytesRead += bytes;
    detail = feeding.describe();
    progress.update(bytesRead, detail);
  };
  const putTrigger = async (trigger: Trigger): Promise<void> => {
    const put = () => feeding.put(trigger);
    if (options.during === undefined) await put();
    else await options.during(system, checkpoint.filesDone + trigger.filesDone, put);
    await feeding.committed();
  };
  let triggers = 0;
  await options.afterTrigger?.(system, triggers);
  try {
    for await (const trigger of triggersOf(left, options.trigger, tell)) {
      await putTrigger(trigger);
      feeding.note(await system.finalize({}));
      const filesDone = checkpoint.filesDone + trigger.filesDone;
      if (dataDir !== undefined)
        await writeCheckpoint(dataDir, { ...checkpoint, filesDone, positions: feeding.positions() });
      await options.afterTrigger?.(system, ++triggers);
      tell(0);
    }
    feeding.note(await drain(system, signal));
    detail = feeding.describe();
    await options.afterTrigger?.(system, ++triggers);
  } finally {
    progress.stop(detail);
    await feeding.close();
  }
}

/** Ends a finite stream: it is repeated until everything is committed and every window final. */
async function drain(system: Embedded, signal: AbortSignal): Promise<FinalizeAnswer> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await system.finalize({ request: 'drain' });
    if (answer.drained) return answer;
    await delay(drainEveryMs);
  }
}
