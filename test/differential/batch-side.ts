import { inputFiles } from '../../cli/input/input-file.ts';
import { runStatic } from '../../cli/static/static-engine.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { pairsByName } from '../../functions/core/static/static-run.ts';
import type { Answer } from './answer.ts';
import { resultRows } from './result-rows.ts';

/** The answer of `tidemark batch`: the static engine over the file, cut into small pieces. */
export async function batchAnswer(pipeline: Pipeline, file: string, arrivalMs: number): Promise<Answer> {
  const files = inputFiles([file]);
  const { windows, counters, queries } = await runStatic({
    pipeline,
    bundle: '', // for other threads, of which there are none
    files,
    arrivalMs,
    workers: 1,
    mostPieceBytes: 2000,
  });
  return { rows: resultRows(pipeline, windows), counters, pairs: pairsByName(pipeline, queries) };
}
