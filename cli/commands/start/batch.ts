import type { Pipeline } from '../../../functions/core/definition/pipeline.ts';
import { doubtLines } from '../../../functions/core/fold/doubts.ts';
import { hasFields, type TotalRow, totalsOf } from '../../../functions/core/fold/totals.ts';
import { pairsByName } from '../../../functions/core/static/static-run.ts';
import { inputFiles, inputOptions } from '../../input/input-file.ts';
import { lookupOptions, rowsFor } from '../../lookup/table-rows.ts';
import { printConservation, printRows, printTotals, type ResultForm, zonesOf } from '../../print/result-table.ts';
import { totalsBy } from '../../print/totals-option.ts';
import { defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { text } from '../../program/option-value.ts';
import { defaultPipeline, loadPipelineBundle } from '../../program/pipeline-file.ts';
import { createRejectedFile } from '../../static/rejected-file.ts';
import { printRejected, rejectedOptions, toldReasons, warnOfRejected } from '../../static/rejected-lines.ts';
import { runWithProgress } from '../../static/run-with-progress.ts';
import type { StaticResult } from '../../static/static-engine.ts';
import { staticRows } from '../../static/static-rows.ts';

export default defineCommand({
  operands: [{ name: 'FILES...', description: 'files of JSON lines, CSV or Parquet, an event a line or row' }],
  description:
    "Runs a pipeline's queries over files, all cores, without a stream and without a watermark: nothing is late. On clean input it prints " +
    'the same bytes as stream. Rejected lines and the count of every class of events go to stderr.',
  options: {
    pipeline: valueOr(
      'name|path',
      'a file under pipelines/, or the path of any TypeScript file',
      text,
      defaultPipeline,
    ),
    totals: value(
      'fields',
      'add up over the windows by these group-by fields, separated by commas; "" for the grand total. Queries without them are left out',
      (given) => given,
    ),
    ...lookupOptions,
    ...inputOptions,
    ...rejectedOptions,
    rejected: value(
      'file',
      'list all rejected lines in this new file, a JSON object each: file, line, reason, detail, text; one thread reads then',
      text,
    ),
    json: flag('print one row a line as JSON; the counters as JSON on stderr'),
  },
  examples: [
    ['tidemark batch events/*.json --pipeline device-actions', 'the windows of all queries as tables'],
    [
      'tidemark batch events/*.json --pipeline device-actions --totals action',
      'how many of each action there are in all',
    ],
  ],
  async run(input) {
    const startedMs = input.process.now();
    const files = inputFiles(input.operands, input.options);
    const { pipeline, bundle } = await loadPipelineBundle(input.options.pipeline);
    const lookupRows = await rowsFor(pipeline, input.options.lookup);
    const { totals } = input.options;
    const by = totals === undefined ? undefined : totalsBy(totals, pipeline.queries);
    const { rejected: rejectedPath, maxRejected } = input.options;
    const rejectedFile = rejectedPath === undefined ? undefined : createRejectedFile(rejectedPath);
    const result = await runWithProgress(
      'batch',
      { pipeline, bundle, files, lookupRows, arrivalMs: startedMs, onRejected: rejectedFile?.write },
      input.process,
    ).finally(() => rejectedFile?.close());
    const form: ResultForm = input.options.json ? 'json' : 'table';
    const zones = zonesOf(pipeline.queries);
    if (by === undefined) printRows(staticRows(pipeline, result.windows), form, input.process.stdout, { zones });
    else printTotals(totalRows(pipeline, result, by), form, input.process.stdout, zones);
    printRejected(result.rejected, result.counters.rejected, input.process.stderr);
    const seconds = (input.process.now() - startedMs) / 1000;
    const queries = pairsByName(pipeline, result.queries);
    printConservation({ counters: result.counters, queries, writeUnits: 0, seconds }, form, input.process);
    for (const { line } of doubtLines(pipeline, result.doubts)) input.process.stderr.write(`tidemark: ${line}\n`);
    return warnOfRejected(result.counters, maxRejected, toldReasons(result.reasons), input.process.stderr);
  },
});

function totalRows(pipeline: Pipeline, result: StaticResult, by: readonly string[]): readonly TotalRow[] {
  return pipeline.queries
    .filter((query) => hasFields(query, by))
    .flatMap((query) =>
      totalsOf(
        query,
        result.windows.filter((window) => window.query === query.name),
        by,
      ),
    );
}
