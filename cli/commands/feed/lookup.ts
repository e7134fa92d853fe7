import { LambdaClient } from '@aws-sdk/client-lambda';
import { checkLookupRows } from '../../../functions/core/definition/lookup-rows.ts';
import type { Pipeline } from '../../../functions/core/definition/pipeline.ts';
import type { LookupListAnswer } from '../../../functions/operations/lookup.ts';
import { finalizeFunction, operationOptions, servedFile } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { askOperation } from '../../deployment/invoke.ts';
import { inputOptions } from '../../input/input-file.ts';
import { publishRows } from '../../lookup/publish-rows.ts';
import { readRowsFile } from '../../lookup/table-rows.ts';
import { formatNumber } from '../../print/number-text.ts';
import { createProgress } from '../../print/progress.ts';
import { printTable } from '../../print/table.ts';
import { momentText, timeText, zonedHeading } from '../../print/time-text.ts';
import { printLines } from '../../print/wrap.ts';
import { type CommandProcess, defineCommand, flag, value } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { time } from '../../program/option-value.ts';
import { loadPipeline } from '../../program/pipeline-file.ts';

export default defineCommand({
  operands: [
    { name: 'ACTION', description: 'publish (rows of FILE, as the next version of the table), or list (its versions)' },
    { name: 'NAME', description: "the table, as the pipeline has it: enrich: lookup(table('NAME'), ...)" },
    {
      name: '[FILE]',
      description:
        'for publish: a JSON list of rows, JSON lines, CSV or Parquet; all rows, not only those that changed',
    },
  ],
  description:
    'The tables that events are joined with, which change while the pipeline stays. Each event gets the fields of the version that held when it arrived, ' +
    'in every attempt and whoever reads it again. A version is never changed; publishing the same rows again does nothing.',
  options: {
    ...operationOptions,
    from: value(
      'time',
      'for publish: the arrival from which the rows hold, later than all that arrived so far (default: in a minute; for a first version before any event: always)',
      time,
    ),
    ...inputOptions,
    json: flag('print the answer as one JSON object; times are milliseconds'),
  },
  examples: [
    [
      'tidemark lookup publish products products.json --pipeline ./orders.ts --port 4500',
      'events that arrive from in a minute on are joined with these',
    ],
    ['tidemark lookup list products --pipeline ./orders.ts --stack orders', 'which rows held when'],
  ],
  async run({ operands: [action = '', table = '', file, strange], options, process }) {
    if (action !== 'publish' && action !== 'list') throw new UsageError(`${action} is not known: use publish, list`);
    if (strange !== undefined) throw new UsageError(`${strange} is too much: give one file, with all rows`);
    if ((file === undefined) === (action === 'publish'))
      throw new UsageError(
        action === 'publish'
          ? 'FILE is missing: give the file that holds the rows'
          : `${file} is too much: list takes the name alone`,
      );
    const rows = file === undefined ? [] : await readRowsFile(file, options);
    const lambda = new LambdaClient(clientConfig(options));
    if (options.pipeline !== undefined) checkTable(await loadPipeline(options.pipeline), table);
    if (file !== undefined) {
      const pipeline = await loadPipeline(await servedFile(options));
      checkTable(pipeline, table);
      checkLookupRows(pipeline, rows);
    }
    const ask = askOperation(lambda, await finalizeFunction(options));
    if (action === 'list') {
      const answer = await ask({ request: 'lookup-list', table });
      if (options.json) process.stdout.write(`${JSON.stringify(answer)}\n`);
      else printVersions(answer, process);
      return 0;
    }
    const progress = createProgress({ label: 'rows', total: rows.length }, process);
    const { now, signal } = process;
    const onProgress = (sent: number) => progress.update(sent, formatNumber(sent));
    const published = publishRows(ask, { table, rows, from: options.from, nowMs: now(), signal, onProgress });
    const answer = await published.finally(() => progress.stop(''));
    const { outcome, version } = answer;
    const from = version.from === 0 ? 'the beginning' : momentText(version.from);
    if (options.json) process.stdout.write(`${JSON.stringify(answer)}\n`);
    else
      printLines(
        outcome === 'standing'
          ? `tidemark: ${table} has these ${formatNumber(version.rows)} rows already, from ${from}`
          : `tidemark: ${table} has ${formatNumber(version.rows)} rows for what arrives from ${from}`,
        process.stdout,
      );
    return 0;
  },
});

/** @throws UsageError when the pipeline has no such table */
function checkTable(pipeline: Pipeline, table: string): void {
  if (pipeline.lookupTable?.table !== table)
    throw new UsageError(
      pipeline.lookupTable === undefined
        ? `${table} is not a table of pipeline ${pipeline.name}, which has none: name another --pipeline`
        : `${table} is not a table of pipeline ${pipeline.name}: use ${pipeline.lookupTable.table}`,
    );
}

function printVersions({ versions }: LookupListAnswer, { stdout, now }: CommandProcess): void {
  const nowMs = now();
  printTable(
    stdout,
    [
      { heading: zonedHeading('arrivals from'), cut: 'never' },
      { heading: 'rows', align: 'right' },
      { heading: 'hash' },
      { heading: zonedHeading('published'), cut: 'never' },
      { heading: 'state' },
    ],
    versions.map(({ from, rows, hash, publishedAt }, i) => [
      from === 0 ? 'the beginning' : timeText(from),
      rows,
      hash,
      timeText(Math.floor(publishedAt / 1000) * 1000),
      from > nowMs ? 'ahead' : (versions[i + 1]?.from ?? Number.POSITIVE_INFINITY) <= nowMs ? 'superseded' : 'holds',
    ]),
  );
}
