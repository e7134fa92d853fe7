import { KinesisClient } from '@aws-sdk/client-kinesis';
import type { DelayRow, KeepingDelay, QueryDelay } from '../../../functions/core/static/delay-table.ts';
import { type DelaySampleOptions, sampleDelay } from '../../backfill/delay-sample.ts';
import { servedFile } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { type DeploymentOptions, deploymentOptions, stackOutput } from '../../deployment/stack.ts';
import { streamNameOf } from '../../feeder/feed.ts';
import { type InputFile, inputFiles, inputOptions } from '../../input/input-file.ts';
import { lookupOptions, rowsFor } from '../../lookup/table-rows.ts';
import { formatNumber } from '../../print/number-text.ts';
import { createProgress, megabytesText } from '../../print/progress.ts';
import { printTable } from '../../print/table.ts';
import { spanText } from '../../print/time-text.ts';
import { printLines } from '../../print/wrap.ts';
import { type CommandProcess, defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { duration, integer, share, text, time } from '../../program/option-value.ts';
import type { Output } from '../../program/output.ts';
import { defaultPipeline, loadPipeline, resolvePipelineFile } from '../../program/pipeline-file.ts';
import { type DelayResult, type DelayRunOptions, runDelay } from '../../static/delay-run.ts';
import { printRejected, rejectedOptions, toldReasons, warnOfRejected } from '../../static/rejected-lines.ts';
import { fixedRows } from '../../static/static-job.ts';

export default defineCommand({
  operands: [
    {
      name: '[FILES...]',
      description:
        'files of JSON lines, CSV or Parquet in the order of arrival, an event a line or row (default: the stream)',
    },
  ],
  description:
    'Shows what a watermark delay costs each query: for each delay how many events would come late for it, how many windows they miss, and how far event time ' +
    'has moved on when a window is final. Files are read as one shard, a live stream as it lies in its shards; the watermark rises after every record: the ' +
    'upper bound of what a stream loses.',
  options: {
    pipeline: value(
      'name|path',
      `a file under pipelines/, or the path of any TypeScript file (default: the one that --port or --stack serves; ${defaultPipeline} for FILES)`,
      text,
    ),
    delays: valueOr('list', 'delays, separated by commas: 0, 90s, 6h, 1d 12h', text, '0,1h,6h,24h,7d'),
    ...lookupOptions,
    keep: value(
      'shares',
      'shares of the events that every query is to keep, such as 99.9% or 99%,99.99%: says the delay that keeps each, and which query needs it',
      text,
    ),
    ...deploymentOptions,
    stream: value('name', 'the stream to read (default: the one of --stack, or tidemark-PIPELINE)', text),
    from: value(
      'time',
      'read the records that arrived in the stream since this time (default: all that it holds)',
      time,
    ),
    sample: valueOr(
      'number',
      'most events to read of a stream: a stretch of each shard',
      integer(1, 100_000_000),
      1_000_000,
    ),
    ...inputOptions,
    ...rejectedOptions,
    json: flag('print one JSON object a line: the rows, then the counters; times are milliseconds'),
  },
  examples: [
    [
      'tidemark delay examples/earthquakes/*.ndjson --pipeline earthquakes',
      'late events for delays of 0, 1 h, 6 h, 24 h and 7 d',
    ],
    ['tidemark delay events/*.json --delays 0,5m,1h --json', 'other delays, for a program'],
    [
      'tidemark delay --stack counts --from 2026-11-24T00:00:00Z --keep 99.9%',
      'of a live stream: which delay keeps 999 events of 1,000',
    ],
  ],
  async run({ operands, options, process }) {
    const startedMs = process.now();
    const delaysMs = options.delays.split(',').map((one) => duration(0)(one, '--delays'));
    const files = operands.length > 0 ? filesOf(operands, options) : undefined;
    const shares = sharesOf(options.keep);
    const pipelineFile = resolvePipelineFile(await servedFile(options));
    const pipeline = await loadPipeline(pipelineFile);
    const rowsAt = fixedRows(pipeline, await rowsFor(pipeline, options.lookup));
    const { table, counters, rejected, reasons } =
      files !== undefined
        ? await measured({ pipeline, rowsAt, files, delaysMs, arrivalMs: startedMs }, process)
        : await sampled({ pipeline, rowsAt, delaysMs }, options, process);
    const rows = table.rows();
    const keeps = shares.map((keep) => ({ keep, ...table.delayFor(keep) }));
    const { received, counted: wanted, duplicate, rejected: refused, filtered } = counters;
    if (options.json) {
      for (const row of rows) process.stdout.write(`${JSON.stringify(rowJson(row))}\n`);
      for (const keep of keeps) process.stdout.write(`${JSON.stringify({ ...keep, worst: keep.worst ?? null })}\n`);
      process.stdout.write(
        `${JSON.stringify({ counters: { received, wanted, duplicate, rejected: refused, filtered } })}\n`,
      );
    } else {
      printDelays(rows, process.stdout);
      for (const { keep, ...delay } of keeps) printLines(keepLine(keep, delay), process.stdout);
    }
    printRejected(rejected, refused, process.stderr);
    process.stderr.write(
      `received ${formatNumber(received)} = wanted by a query ${formatNumber(wanted)} + duplicate ${formatNumber(duplicate)} + rejected ${formatNumber(refused)} + filtered ${formatNumber(filtered)}\n`,
    );
    return warnOfRejected(counters, options.maxRejected, toldReasons(reasons), process.stderr);
  },
});

type StreamChoice = DeploymentOptions &
  Parameters<typeof inputFiles>[1] & {
    readonly stream: string | undefined;
    readonly from: number | undefined;
    readonly sample: number;
  };

/**
 * The files to read.
 * @throws UsageError when a stream is named too: it would be unclear which of the two was read
 */
function filesOf(operands: readonly string[], options: StreamChoice): readonly InputFile[] {
  const named = (['port', 'endpoint', 'stack', 'stream', 'from'] as const).find((name) => options[name] !== undefined);
  if (named !== undefined)
    throw new UsageError(`--${named} and FILES exclude each other: give the files, or say which stream is read`);
  return inputFiles(operands, options);
}

/** Files may be long: after a second it is shown how far the reading is. */
async function measured(
  options: Omit<DelayRunOptions, 'onProgress' | 'signal'>,
  process: CommandProcess,
): Promise<DelayResult> {
  const total = options.files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const progress = createProgress({ label: 'delay', total, afterMs: 1000 }, process);
  const onProgress = (bytes: number) => progress.update(bytes, megabytesText(bytes));
  try {
    return await runDelay({ ...options, signal: process.signal, onProgress });
  } finally {
    progress.stop('');
  }
}

async function sampled(
  { pipeline, rowsAt, delaysMs }: Pick<DelaySampleOptions, 'pipeline' | 'rowsAt' | 'delaysMs'>,
  options: StreamChoice,
  process: CommandProcess,
): Promise<DelayResult> {
  const { stack, stream, from, sample } = options;
  if (
    (['port', 'endpoint', 'stack', 'stream', 'profile', 'region'] as const).every((name) => options[name] === undefined)
  )
    throw new UsageError('FILES are missing: name some, or a live stream with --port, --stack or --stream');
  const streamName =
    stream ?? (stack === undefined ? streamNameOf(pipeline.name) : await stackOutput(options, 'StreamName'));
  const kinesis = new KinesisClient(clientConfig(options));
  const progress = createProgress({ label: 'delay', total: 1 }, process);
  let said = '';
  const onProgress = (events: number, share: number) => {
    said = `${formatNumber(events)} events of ${streamName}`;
    progress.update(share, said);
  };
  try {
    const arrivedAt = from === undefined ? undefined : new Date(from);
    return await sampleDelay({
      kinesis,
      streamName,
      pipeline,
      rowsAt,
      delaysMs,
      from: arrivedAt,
      events: sample,
      nowMs: process.now(),
      onProgress,
      signal: process.signal,
    });
  } finally {
    progress.stop(said);
    kinesis.destroy();
  }
}

/** `99.9%` or `0.999`, as a share from 0 to 1. */
function sharesOf(given: string | undefined): readonly number[] {
  return (given ?? '').split(',').flatMap((text) => {
    if (text.trim() === '') return [];
    return [share(text, '--keep')];
  });
}

/** A row as JSON: a missing value is null. */
function rowJson(row: DelayRow) {
  const { waitMs, queries, ...rest } = row;
  const whole = (given: number | undefined) => ({ waitMs: given ?? null });
  return { ...rest, ...whole(waitMs), queries: queries.map((own) => ({ ...own, ...whole(own.waitMs) })) };
}

/**
 * The delay that keeps a share in every query. Where the queries differ, the line also names the one that needs it and
 * the delays that the others need.
 */
function keepLine(keep: number, { delayMs, worst, queries, eventsDelayMs }: KeepingDelay): string {
  const each = Object.entries(queries);
  const needs = each.map(([name, own]) => `${name} ${spanText(own)}`).join(', ');
  const why =
    each.length === 1 || worst === undefined
      ? ''
      : `, which ${worst} needs (${needs}; for one query at least: ${spanText(eventsDelayMs)})`;
  const exact = delayMs < 1000 ? '' : ` (${delayMs} ms)`;
  const where = each.length === 1 ? '' : ' in every query';
  return `to keep ${percent(keep)} of the events${where}: a delay of ${spanText(delayMs)}${exact}${why}`;
}

/** A share as text, without the digits that dividing by 100 makes. */
function percent(share: number): string {
  return `${Number((100 * share).toFixed(9))} %`;
}

/**
 * A line for each delay and query. With several queries there is one more line for each delay: the events that are late
 * for all queries that want them.
 */
function printDelays(rows: readonly DelayRow[], out: Output): void {
  const several = rows.some(({ queries }) => queries.length > 1);
  printTable(
    out,
    [
      { heading: 'delay', align: 'right' },
      ...(several ? [{ heading: 'query' }] : []),
      { heading: 'late', align: 'right' },
      { heading: 'share', align: 'right' },
      { heading: 'affected', align: 'right' },
      { heading: 'results wait', align: 'right' },
      { heading: 'closed', align: 'right' },
    ],
    rows.flatMap((row) => {
      const delay = spanText(row.delayMs);
      const each = row.queries.map((own) => [delay, ...(several ? [own.query] : []), ...costCells(own)]);
      return several ? [...each, [delay, '(all)', ...costCells(row)]] : each;
    }),
  );
}

function costCells(cost: Omit<QueryDelay, 'query'>): readonly string[] {
  return [
    formatNumber(cost.late),
    `${(cost.events === 0 ? 0 : (100 * cost.late) / cost.events).toFixed(1)} %`,
    `${formatNumber(cost.affected)} of ${formatNumber(cost.windows)}`,
    cost.waitMs === undefined ? 'beyond input' : spanText(cost.waitMs),
    formatNumber(cost.closed),
  ];
}
