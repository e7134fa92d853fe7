import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type BackfillRange, backfillPipeline } from '../../functions/core/definition/backfill.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { type Doubts, joinedDoubts } from '../../functions/core/fold/doubts.ts';
import { type StaticAnswer, staticAnswer } from '../../functions/core/static/static-run.ts';
import type { InputFile } from '../input/input-file.ts';
import { TidemarkError } from '../program/errors.ts';
import { countedOnce } from './ids-across.ts';
import type { LanePart, LaneResult, LanesJob, OnRejected, RejectedLine, StaticJob } from './job.ts';
import { runLane } from './lane.ts';
import { type LaneAnswer, laneWorkerKind, laneWorkerUrl } from './lane-worker.ts';
import { pieceBytes, unitsOf } from './pieces.ts';
import { joinedRejections, type Rejections } from './rejections.ts';

/** What {@link runStatic} needs. */
export interface StaticEngineOptions {
  readonly pipeline: Pipeline;
  /** The bundled pipeline: the other threads load it themselves, as functions do not cross. */
  readonly bundle: string;
  readonly files: readonly InputFile[];
  /** Counts only the history of one query, and not the pipeline. */
  readonly range?: BackfillRange | undefined;
  /** The rows of the table that the pipeline looks up in. @default it looks up in none */
  readonly lookupRows?: readonly object[] | undefined;
  /** What counts as every event's arrival, epoch ms. */
  readonly arrivalMs: number;
  /** Threads, this one included. @default one for each core, and for each 2 MB of input */
  readonly lanes?: number;
  /** Largest piece of a file, bytes. @default 4 MB */
  readonly mostPieceBytes?: number;
  /** Hears from time to time which share of the input has been taken, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  /**
   * Hears of every rejected line in the order of the input, which one thread reads then.
   * @default the first ones are in the result
   */
  readonly onRejected?: ((line: RejectedWithText) => void) | undefined;
  /** Aborted: no further unit is started and the run throws its reason. */
  readonly signal?: AbortSignal;
}

/** A rejected line as a person finds it: `events-07.json:113`. */
export interface RejectedSample {
  readonly path: string;
  readonly line: number;
  readonly reason: string;
  readonly detail: string;
}

/** A rejected line as it was read; without a text where it was too long to be held. */
export interface RejectedWithText extends RejectedSample {
  readonly text: string | undefined;
}

/** The answer over all files, and what was rejected. */
export interface StaticResult extends StaticAnswer, Rejections<RejectedSample> {
  readonly doubts: Doubts;
}

/** A thread takes some 50 ms to start, in which this one reads more than this. */
const bytesPerLane = 2 * 1024 * 1024;
/** A byte of what has to be unpacked, or is no JSON yet, is about the work of so many plain ones. */
const plainPerPacked = 8;

/** Runs the static query over files on all cores. This thread works too, so small inputs never wait for another one. */
export async function runStatic(options: StaticEngineOptions): Promise<StaticResult> {
  const { pipeline, files, range, arrivalMs, lookupRows } = options;
  // The lines of a whole file have their own numbers.
  const mostPieceBytes = options.onRejected === undefined ? pieceBytes : Number.MAX_SAFE_INTEGER;
  const units = unitsOf(files, options.mostPieceBytes ?? mostPieceBytes);
  const lanes = Math.min(lanesFor(options), units.length);
  const apart = pipeline.dedup !== undefined && lanes > 1;
  const job = { files, units, bundle: options.bundle, range, arrivalMs, lookupRows, idsBefore: apart ? [] : undefined };
  const results = await runLanes(options, job, lanes);
  const { onProgress: _shown, ...quiet } = options;
  const parts = apart
    ? await countedOnce(job, results, (again) => runLanes(quiet, again, lanes))
    : results.flatMap((result) => result.parts);
  return resultOf(range === undefined ? pipeline : backfillPipeline(pipeline, range), files, results, parts);
}

function lanesFor({ pipeline, files, lanes, onRejected }: StaticEngineOptions): number {
  if (onRejected !== undefined) return 1;
  // What has no size cannot be read again, which lanes that deduplicate side by side may have to.
  if (pipeline.dedup !== undefined && files.some(({ bytes }) => bytes === undefined)) return 1;
  const total = files.reduce((sum, file) => sum + (file.bytes ?? bytesPerLane) * (file.plain ? 1 : plainPerPacked), 0);
  return lanes ?? Math.min(availableParallelism(), Math.ceil(total / bytesPerLane));
}

async function runLanes(
  options: Omit<StaticEngineOptions, 'onProgress'>,
  work: LanesJob,
  lanes: number,
): Promise<readonly LaneResult[]> {
  const { pipeline, signal } = options;
  const { units } = work;
  const job: StaticJob = { ...work, next: new SharedArrayBuffer(4) };
  const taken = new Int32Array(job.next);
  const workers = Array.from({ length: lanes - 1 }, () => startWorker(job));
  const failed = (): void => void Atomics.store(taken, 0, units.length);
  for (const { answer } of workers) answer.catch(failed);
  try {
    const here = await runLane(job, pipeline, () => pause(options, taken, units.length), toldRejected(options));
    const there = await Promise.all(workers.map(({ answer }) => answer));
    signal?.throwIfAborted();
    return [here, ...there];
  } finally {
    for (const { worker } of workers) void worker.terminate();
  }
}

function toldRejected({ files, onRejected }: StaticEngineOptions): OnRejected | undefined {
  if (onRejected === undefined) return undefined;
  return ({ piece, line, reason, detail }, text) =>
    onRejected({ path: files[piece.file]?.path ?? '', line, reason, detail, text });
}

/** Lets timers, signals and the other threads' messages in. */
async function pause({ onProgress, signal }: StaticEngineOptions, taken: Int32Array, units: number): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) Atomics.store(taken, 0, units);
  onProgress?.(Math.min(1, Atomics.load(taken, 0) / units));
}

function startWorker(job: StaticJob): { readonly worker: Worker; readonly answer: Promise<LaneResult> } {
  const worker = new Worker(new URL(laneWorkerUrl), { workerData: { kind: laneWorkerKind, job } });
  const answer = new Promise<LaneResult>((resolve, reject) => {
    worker.on('message', (message: LaneAnswer) => {
      if (message.kind === 'done') resolve(message.result);
      else if (message.name === 'TidemarkError') reject(new TidemarkError(message.message));
      else reject(Object.assign(new Error(message.message), { code: message.code, path: message.path }));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`a thread of the static run ended early (exit code ${code})`)));
  });
  return { worker, answer };
}

function resultOf(
  pipeline: Pipeline,
  files: readonly InputFile[],
  lanes: readonly LaneResult[],
  parts: readonly LanePart[],
): StaticResult {
  const found = joinedRejections(lanes, inOrder);
  const sample = (line: RejectedLine): RejectedSample => ({
    path: files[line.piece.file]?.path ?? '',
    line: linesBefore(line, lanes) + line.line,
    reason: line.reason,
    detail: line.detail,
  });
  return {
    ...staticAnswer(
      pipeline,
      parts.map(({ part }) => part),
    ),
    doubts: joinedDoubts(parts.map(({ part }) => part.doubts)),
    rejected: found.rejected.map(sample),
    reasons: found.reasons.map((own) => ({ ...own, example: sample(own.example) })),
  };
}

function inOrder(left: RejectedLine, right: RejectedLine): number {
  return (
    left.unit - right.unit ||
    left.piece.file - right.piece.file ||
    left.piece.from - right.piece.from ||
    left.line - right.line
  );
}

/** Lines of the file before the piece. */
function linesBefore({ piece }: RejectedLine, lanes: readonly LaneResult[]): number {
  let count = 0;
  for (const lane of lanes)
    for (const lines of lane.lines)
      if (lines.piece.file === piece.file && lines.piece.from < piece.from) count += lines.count;
  return count;
}
