import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type BackfillRange, backfillPipeline } from '../../functions/core/definition/backfill.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { type Doubts, joinedDoubts } from '../../functions/core/fold/doubts.ts';
import { type StaticAnswer, staticAnswer } from '../../functions/core/static/static-run.ts';
import type { InputFile } from '../input/input-file.ts';
import { TidemarkError } from '../program/errors.ts';
import { countedOnce } from './ids-across.ts';
import type { JobPart, JobResult, OnRejected, RejectedLine, SharedJob, StaticJob } from './job.ts';
import { pieceBytes, unitsOf } from './pieces.ts';
import { joinedRejections, type Rejections } from './rejections.ts';
import { runJob } from './static-job.ts';
import { staticWorkerKind, staticWorkerUrl, type WorkerAnswer } from './static-worker.ts';

/** The options of {@link runStatic}. */
export interface StaticEngineOptions {
  readonly pipeline: Pipeline;
  /** The bundled pipeline: the other threads load it themselves, as functions do not cross. */
  readonly bundle: string;
  readonly files: readonly InputFile[];
  /** Counts only the history of one query, and not the pipeline. */
  readonly range?: BackfillRange | undefined;
  /** The rows of the table that the pipeline looks up in. @default it looks up in none */
  readonly lookupRows?: readonly object[] | undefined;
  /** The arrival of every event, epoch ms. */
  readonly arrivalMs: number;
  /** Threads, this one included. @default one for each core, and for each 2 MB of input */
  readonly workers?: number;
  /** Largest piece of a file, bytes. @default 4 MB */
  readonly mostPieceBytes?: number;
  /** Hears from time to time which share of the input has been read, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  /**
   * Hears of every rejected line in the order of the input. One thread reads the input then.
   * @default the first ones are in the result
   */
  readonly onRejected?: ((line: RejectedWithText) => void) | undefined;
  /** Aborted: the run ends at once and throws its reason. */
  readonly signal?: AbortSignal;
}

/** A rejected line as a person finds it: `events-07.json:113`. */
export interface RejectedSample {
  readonly path: string;
  readonly line: number;
  readonly reason: string;
  readonly detail: string;
}

/** A rejected line as it was read, without a text where it was too long to be held. */
export interface RejectedWithText extends RejectedSample {
  readonly text: string | undefined;
}

/** The answer over all files, and the rejected lines. */
export interface StaticResult extends StaticAnswer, Rejections<RejectedSample> {
  readonly doubts: Doubts;
}

/**
 * The input for each worker, in bytes: a thread takes some 50 ms to start, and this one reads more than this in that
 * time.
 */
const bytesPerWorker = 2 * 1024 * 1024;
/** The number of plain bytes that make about as much work as one byte that is packed, or not JSON yet. */
const plainPerPacked = 8;

/** Runs the static query over files on all cores. This thread works too, so small inputs never wait for another one. */
export async function runStatic(options: StaticEngineOptions): Promise<StaticResult> {
  const { pipeline, files, range, arrivalMs, lookupRows } = options;
  // The lines of a whole file have their own numbers.
  const mostPieceBytes = options.onRejected === undefined ? pieceBytes : Number.MAX_SAFE_INTEGER;
  const units = unitsOf(files, options.mostPieceBytes ?? mostPieceBytes);
  const workers = Math.min(workersFor(options), units.length);
  const apart = pipeline.dedup !== undefined && workers > 1;
  const job = { files, units, bundle: options.bundle, range, arrivalMs, lookupRows, idsBefore: apart ? [] : undefined };
  const results = await runWorkers(options, job, workers);
  const { onProgress: _shown, ...quiet } = options;
  const parts = apart
    ? await countedOnce(job, results, (again) => runWorkers(quiet, again, workers))
    : results.flatMap((result) => result.parts);
  return resultOf(range === undefined ? pipeline : backfillPipeline(pipeline, range), files, results, parts);
}

function workersFor({ pipeline, files, workers, onRejected }: StaticEngineOptions): number {
  if (onRejected !== undefined) return 1;
  // A file without a size cannot be read again; workers that deduplicate side by side may have to.
  if (pipeline.dedup !== undefined && files.some(({ bytes }) => bytes === undefined)) return 1;
  const total = files.reduce(
    (sum, file) => sum + (file.bytes ?? bytesPerWorker) * (file.plain ? 1 : plainPerPacked),
    0,
  );
  return workers ?? Math.min(availableParallelism(), Math.ceil(total / bytesPerWorker));
}

async function runWorkers(
  options: StaticEngineOptions,
  work: SharedJob,
  workers: number,
): Promise<readonly JobResult[]> {
  const { pipeline, signal } = options;
  const { units } = work;
  const job: StaticJob = { ...work, next: new SharedArrayBuffer(4), bytesRead: new SharedArrayBuffer(8) };
  const taken = new Int32Array(job.next);
  const threads = Array.from({ length: workers - 1 }, () => startWorker(job));
  const failed = (): void => void Atomics.store(taken, 0, units.length);
  const endThreads = (): void => {
    for (const { worker } of threads) void worker.terminate();
  };
  signal?.addEventListener('abort', endThreads);
  for (const { answer } of threads) answer.catch(failed);
  const progress = setInterval(() => options.onProgress?.(shareRead(job)), progressEveryMs);
  try {
    const here = await runJob(job, pipeline, pause, { onRejected: toldRejected(options), signal });
    const there = await Promise.all(threads.map(({ answer }) => answer));
    signal?.throwIfAborted();
    return [here, ...there];
  } catch (error) {
    signal?.throwIfAborted(); // and not that the threads have ended early
    throw error;
  } finally {
    clearInterval(progress);
    signal?.removeEventListener('abort', endThreads);
    endThreads();
  }
}

function toldRejected({ files, onRejected }: StaticEngineOptions): OnRejected | undefined {
  if (onRejected === undefined) return undefined;
  return ({ piece, line, reason, detail }, text) =>
    onRejected({ path: files[piece.file]?.path ?? '', line, reason, detail, text });
}

/** Pauses, so that timers, signals and the other threads' messages are handled. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const progressEveryMs = 100;

/** Which share of the files' bytes has been read, 0 to 1; those of a pipe are not known. */
function shareRead({ files, bytesRead }: StaticJob): number {
  const total = files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  return Math.min(1, Number(Atomics.load(new BigInt64Array(bytesRead), 0)) / Math.max(1, total));
}

function startWorker(job: StaticJob): { readonly worker: Worker; readonly answer: Promise<JobResult> } {
  const worker = new Worker(new URL(staticWorkerUrl), { workerData: { kind: staticWorkerKind, job } });
  const answer = new Promise<JobResult>((resolve, reject) => {
    worker.on('message', (message: WorkerAnswer) => {
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
  workers: readonly JobResult[],
  parts: readonly JobPart[],
): StaticResult {
  const found = joinedRejections(workers, inOrder);
  const sample = (line: RejectedLine): RejectedSample => ({
    path: files[line.piece.file]?.path ?? '',
    line: linesBefore(line, workers) + line.line,
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

/** The number of lines of the file before the piece. */
function linesBefore({ piece }: RejectedLine, workers: readonly JobResult[]): number {
  let count = 0;
  for (const worker of workers)
    for (const lines of worker.lines)
      if (lines.piece.file === piece.file && lines.piece.from < piece.from) count += lines.count;
  return count;
}
