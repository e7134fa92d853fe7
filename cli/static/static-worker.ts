import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { surviveOrphanRejections } from '../../functions/edge/orphan-rejections.ts';
import type { JobResult, StaticJob } from './job.ts';
import { runJob } from './static-job.ts';

/** The place of this module once it is bundled: a worker thread is started with it. */
export const staticWorkerUrl: string = import.meta.url;

/** Tells the worker threads of a static run from all other threads that might load this module. */
export const staticWorkerKind = 'tidemark-static-worker';

/** The answer of a worker in another thread. Errors lose their class and properties on the way, so these are named. */
export type WorkerAnswer =
  | { readonly kind: 'done'; readonly result: JobResult }
  | {
      readonly kind: 'failed';
      readonly name: string;
      readonly message: string;
      readonly code: string;
      readonly path: string;
    };

async function answer(job: StaticJob): Promise<WorkerAnswer> {
  try {
    const { default: pipeline }: { readonly default: Pipeline } = await import(pathToFileURL(job.bundle).href);
    return { kind: 'done', result: await runJob(job, pipeline, () => undefined) };
  } catch (error) {
    const text = (name: string): string =>
      error instanceof Error && name in error ? String(Reflect.get(error, name)) : '';
    return {
      kind: 'failed',
      name: text('name'),
      message: error instanceof Error ? error.message : String(error),
      code: text('code'),
      path: text('path'),
    };
  }
}

if (!isMainThread && workerData?.kind === staticWorkerKind) {
  surviveOrphanRejections(() => undefined); // the line is among the rejected ones already
  parentPort?.postMessage(await answer(workerData.job));
}
