import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { surviveOrphanRejections } from '../../functions/edge/orphan-rejections.ts';
import type { LaneResult, StaticJob } from './job.ts';
import { runLane } from './lane.ts';

/** Where this module lies, once bundled: what a worker thread is started with. */
export const laneWorkerUrl: string = import.meta.url;

/** Tells the worker threads of a static run from all others that might load this module. */
export const laneWorkerKind = 'tidemark-static-lane';

/** What a lane in another thread answers; errors lose their class and properties on the way, so these are named. */
export type LaneAnswer =
  | { readonly kind: 'done'; readonly result: LaneResult }
  | {
      readonly kind: 'failed';
      readonly name: string;
      readonly message: string;
      readonly code: string;
      readonly path: string;
    };

async function answer(job: StaticJob): Promise<LaneAnswer> {
  try {
    const { default: pipeline }: { readonly default: Pipeline } = await import(pathToFileURL(job.bundle).href);
    return { kind: 'done', result: await runLane(job, pipeline, () => undefined) };
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

if (!isMainThread && workerData?.kind === laneWorkerKind) {
  surviveOrphanRejections(() => undefined); // the line is among the rejected ones already
  parentPort?.postMessage(await answer(workerData.job));
}
