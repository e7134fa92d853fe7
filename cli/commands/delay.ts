import type { DelayRow } from '../../functions/core/delay-table.ts';
import { defineCommand, flag, valueOr } from '../command.ts';
import { inputFiles, inputOptions } from '../input/input-file.ts';
import { lookupOptions, rowsFor } from '../lookup/table-rows.ts';
import { duration, text } from '../option-value.ts';
import { defaultPipeline, loadPipeline, resolvePipelineFile } from '../pipeline-file.ts';
import { runDelay } from '../static/delay-run.ts';
import { printRejected } from '../static/rejected-lines.ts';
import { formatNumber, formatTable } from '../table.ts';

export default defineCommand({
  operands: [{ name: 'FILES...', description: 'files of JSON lines, CSV or Parquet in the order of arrival, an event a line or row' }],
  description:
    'Shows what a watermark delay costs: for each delay how many events would come late, how many windows they miss, and how far event time ' +
    'has moved on when a window is final. The files are read as one shard whose watermark rises after every record: the upper bound of what a stream loses.',
  options: {
    pipeline: valueOr('name|path', 'a file under pipelines/, or the path of any TypeScript file', text, defaultPipeline),
    delays: valueOr('list', 'delays, separated by commas: 0, 90s, 6h, 1d 12h', text, '0,1h,6h,24h,7d'),
    ...lookupOptions,
    ...inputOptions,
    json: flag('print one JSON object a line: the rows, then the counters; times are milliseconds'),
  },
  examples: [
    ['tidemark delay examples/earthquakes/*.ndjson --pipeline earthquakes', 'late events for delays of 0, 1 h, 6 h, 24 h and 7 d'],
    ['tidemark delay events/*.json --delays 0,5m,1h --json', 'other delays, for a program'],
  ],
  async run({ operands, options, process }) {
    const startedMs = process.now();
    const delaysMs = options.delays.split(',').map((one) => duration(0)(one, '--delays'));
    const pipelineFile = resolvePipelineFile(options.pipeline);
    const files = inputFiles(operands, options);
    const pipeline = await loadPipeline(pipelineFile);
    const lookupRows = await rowsFor(pipeline, options.lookup);
    const { rows, counters, rejected } = await runDelay({ pipeline, files, lookupRows, delaysMs, arrivalMs: startedMs });
    const { received, counted: wanted, rejected: refused, filtered } = counters;
    if (options.json) {
      for (const row of rows) process.stdout.write(`${JSON.stringify({ ...row, waitMs: row.waitMs ?? null })}\n`);
      process.stdout.write(`${JSON.stringify({ counters: { received, wanted, rejected: refused, filtered } })}\n`);
    } else {
      process.stdout.write(`${delayTable(rows)}\n`);
    }
    printRejected(rejected, refused, process.stderr);
    process.stderr.write(
      `received ${formatNumber(received)} = wanted by a query ${formatNumber(wanted)} + rejected ${formatNumber(refused)} + filtered ${formatNumber(filtered)}\n`,
    );
    return 0;
  },
});

function delayTable(rows: readonly DelayRow[]): string {
  return formatTable(
    [
      { heading: 'delay', align: 'right' },
      { heading: 'late events', align: 'right' },
      { heading: 'share', align: 'right' },
      { heading: 'windows affected', align: 'right' },
      { heading: 'results wait', align: 'right' },
    ],
    rows.map((row) => [
      shortDuration(row.delayMs),
      row.late,
      `${(row.events === 0 ? 0 : (100 * row.late) / row.events).toFixed(1)} %`,
      `${formatNumber(row.affected)} of ${formatNumber(row.windows)}`,
      row.waitMs === undefined ? 'beyond the input' : `${shortDuration(row.waitMs)} (${formatNumber(row.closed)} closed)`,
    ]),
  );
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** The two largest units, cut: 90 min is `1 h 30 min`; days from two on, for people say `24 h`. */
function shortDuration(ms: number): string {
  const parts: string[] = [];
  let rest = ms;
  for (const [name, size] of units) {
    const count = name === 'd' && ms < 2 * size ? 0 : Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  if (parts.length === 0) return ms === 0 ? '0' : `${ms} ms`;
  return parts.slice(0, 2).join(' ');
}
