import type { SideJson } from '../../functions/api/side-json.ts';
import { grouped } from '../../functions/core/definition/grouped.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { type TotalRow, totalsOf } from '../../functions/core/fold/totals.ts';
import type { StaticWindow } from '../../functions/core/static/static-run.ts';
import { inputFiles } from '../input/input-file.ts';
import { formatNumber } from '../print/number-text.ts';
import { conservationLine, pairLines, printRows, type ResultRow } from '../print/result-table.ts';
import { shardText } from '../print/shard-text.ts';
import { cutTo, printTable } from '../print/table.ts';
import { windowText, zonedHeading } from '../print/time-text.ts';
import { printLines } from '../print/wrap.ts';
import type { CommandProcess } from '../program/command.ts';
import type { Output } from '../program/output.ts';
import { loadPipelineBundle, resolvePipelineFile } from '../program/pipeline-file.ts';
import type { Manifest } from '../sample/open-close.ts';
import { runWithProgress } from '../static/run-with-progress.ts';
import type { StaticResult } from '../static/static-engine.ts';
import { staticRows } from '../static/static-rows.ts';
import type { Embedded } from '../stream/embedded.ts';
import { runStream, type StreamResult } from '../stream/stream-run.ts';
import { killInTheMiddle, splitFirstShard } from './faults.ts';
import { keepFeeding } from './keep.ts';
import { setLateAside } from './set-aside.ts';

/** The options of the demo. */
export interface DemoOptions {
  readonly files: readonly string[];
  readonly manifest: Manifest;
  readonly dataDir: string | undefined;
  readonly start: 'fresh' | 'resume';
  readonly form: 'json' | 'text';
  /** `keep` leaves the system live, with events of this seed still arriving, until the command is interrupted. */
  readonly after: { readonly kind: 'stop' } | { readonly kind: 'keep'; readonly seed: number };
  readonly process: CommandProcess;
}

const shards = 4;

/** The rows of a long table that are shown. */
const rowsShown = 5;

/**
 * Runs the lesson and tells it.
 * @returns the exit code: 0 when both answers agree and the law of conservation holds
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { files, manifest, form, process } = options;
  const out: Output = form === 'json' ? process.stderr : process.stdout;
  const say = (text: string) => printLines(text, out);
  const pipelineFile = resolvePipelineFile('device-actions');
  const { pipeline, bundle } = await loadPipelineBundle(pipelineFile);

  say(
    `1. Dataset: ${formatNumber(manifest.events)} events in ${manifest.files} files (${formatNumber(manifest.open)} Open, ${formatNumber(manifest.close)} Close); ` +
      `${formatNumber(manifest.movedLate)} come late, ${manifest.farTooLate} far too late, ${manifest.malformed} are malformed, ${manifest.future} of the future`,
  );

  say('\n2. Static: the query over the files (tidemark batch)');
  const staticBegan = process.now();
  const batch = await runWithProgress(
    'batch',
    { pipeline, bundle, files: inputFiles(files), arrivalMs: staticBegan },
    process,
  );
  const staticSeconds = (process.now() - staticBegan) / 1000;
  const staticTotals = totals(pipeline, batch.windows);
  if (form === 'text') printFirst(staticRows(pipeline, batch.windows), out);

  say(`\n3. Stream: the same files, one after the other, through ${shards} shards (tidemark stream)`);
  const half = Math.floor(files.length / 2);
  let isFirst = true;
  const during = async (system: Embedded, filesDone: number, put: () => Promise<void>) => {
    if (isFirst) say(`   watch it: ${system.local.url}/`);
    isFirst = false;
    if (filesDone !== half) return put();
    const killed = await killInTheMiddle(system, put);
    const split = await splitFirstShard(system, shards);
    say(`   halfway: ${killed}${split === undefined ? '' : `, and split ${shardText(split)} in two`}`);
  };
  const { dataDir, start, after } = options;
  return runStream(
    {
      pipeline,
      pipelineFile,
      files: inputFiles(files),
      shards,
      trigger: { files: 1 },
      dataDir,
      start,
      process,
      during,
    },
    async (system, result) => {
      const exitCode = await conclude({
        ...options,
        pipeline,
        system,
        result,
        batch,
        staticTotals,
        staticSeconds,
        out,
        say,
      });
      const page = `${system.local.url}/`;
      if (after.kind === 'stop') say('\nnpm run demo -- --keep leaves its page live, with events still arriving');
      else {
        say(`\nthe page: ${page} (events keep arriving, an hour of theirs every 15 seconds; Ctrl-C ends it)`);
        await keepFeeding(system, pipeline, after.seed, process);
      }
      return exitCode;
    },
  );
}

/** The first rows of a long table, and how many more there are. */
function printFirst(rows: readonly ResultRow[], out: Output): void {
  printRows(rows.slice(0, rowsShown), 'table', out);
  out.write(`... ${formatNumber(Math.max(0, rows.length - rowsShown))} more\n`);
}

interface Conclusion extends DemoOptions {
  readonly pipeline: Pipeline;
  readonly system: Embedded;
  readonly result: StreamResult;
  readonly batch: StaticResult;
  readonly staticTotals: readonly TotalRow[];
  readonly staticSeconds: number;
  readonly out: Output;
  readonly say: (text: string) => void;
}

/** Step 4: asks the API, and prints its answer beside the static one. */
async function conclude(conclusion: Conclusion): Promise<number> {
  const { pipeline, files, system, result, batch, staticTotals, staticSeconds, out, say, form, process } = conclusion;
  const [query] = pipeline.queries;
  const streamTotals = await system.api.totals(query?.name ?? '', { by: 'action', status: 'final' });
  const side = await system.api.late({ from: result.startedAt, to: process.now() + 1 });
  const apart = await setLateAside(pipeline, files, side, process.now());
  const expected = staticRows(pipeline, apart.windows);
  const sameRows = JSON.stringify(sorted(expected)) === JSON.stringify(sorted(result.rows));
  const { conservation } = result;
  const sameCounts =
    conservation.counted === apart.counters.counted &&
    conservation.rejected === batch.counters.rejected &&
    conservation.received === batch.counters.received;
  const equal = sameRows && sameCounts && apart.differences.length === 0;

  say('\n4. The answer of its query API, beside the static one');
  if (form === 'text') printSideBySide(staticRows(pipeline, batch.windows), result.rows, side, pipeline, out);
  if (form === 'text') printTotals(staticTotals, streamTotals, side, out);
  printReasons(side, out);
  say('');
  say(`${conservationLine(conservation)}\n${pairLines(conservation.queries)}`.trimEnd());
  for (const difference of apart.differences.slice(0, 5)) say(`   ${difference}`);
  say(
    equal
      ? `equal: the stream's answer is the static one, record for record, once its ${conservation.late} late ones are set aside`
      : 'NOT EQUAL: the stream and the files disagree',
  );
  if (!conservation.holds) say('NOT CONSERVED: received is not counted + late + duplicate + rejected + filtered');
  const seconds = { static: staticSeconds, start: result.startSeconds, stream: result.streamSeconds };
  say(
    `files ${seconds.static.toFixed(1)} s, start ${seconds.start.toFixed(1)} s, stream ${seconds.stream.toFixed(1)} s, ${formatNumber(result.writeUnits)} write units`,
  );
  if (form === 'json') {
    const { holds, ...counters } = conservation;
    process.stdout.write(
      `${JSON.stringify({
        static: { rows: staticRows(pipeline, batch.windows), totals: staticTotals, counters: batch.counters },
        stream: {
          rows: result.rows,
          totals: streamTotals,
          late: side.filter(isLate).length,
          reasons: reasonCounts(side),
        },
        conservation: { ...counters, holds },
        equal,
        writeUnits: result.writeUnits,
        seconds,
      })}\n`,
    );
  }
  return equal && conservation.holds ? 0 : 1;
}

const isLate = (event: SideJson) => event.reason === 'late';

function totals(pipeline: Pipeline, windows: readonly StaticWindow[]): readonly TotalRow[] {
  return pipeline.queries.flatMap((query) => totalsOf(query, windows, query.groupBy));
}

const nameOf = (row: Pick<ResultRow, 'start' | 'key'>) => `${row.start} ${JSON.stringify(row.key)}`;

function sorted(rows: readonly ResultRow[]): readonly (readonly [string, unknown])[] {
  return rows.map((row) => [nameOf(row), row.values] as const).sort(([left], [right]) => (left < right ? -1 : 1));
}

/**
 * A line for an hour and action: the count of the files, the count of the stream, and the late events, which are the
 * difference. Those with late events come first.
 */
function printSideBySide(
  fromFiles: readonly ResultRow[],
  fromStream: readonly ResultRow[],
  side: readonly SideJson[],
  pipeline: Pipeline,
  out: Output,
): void {
  const streamed = new Map(fromStream.map((row) => [nameOf(row), row]));
  const [query] = pipeline.queries;
  const late = grouped(side.filter(isLate), (event) =>
    nameOf({ start: query?.window.sliceOf(event.eventTime ?? 0) ?? 0, key: { action: actionOf(event) } }),
  );
  const lateOf = (row: ResultRow) => late.get(nameOf(row))?.length ?? 0;
  const mostLate = [...fromFiles].sort((left, right) => lateOf(right) - lateOf(left));
  const shown = new Set(mostLate.slice(0, rowsShown));
  printTable(
    out,
    [{ heading: zonedHeading('window') }, ...totalColumns],
    fromFiles
      .filter((row) => shown.has(row))
      .map((row) => [
        windowText(row.start, row.end),
        String(row.key.action),
        Number(row.values.count),
        Number(streamed.get(nameOf(row))?.values.count ?? 0),
        lateOf(row),
      ]),
  );
  out.write(`... ${formatNumber(Math.max(0, fromFiles.length - rowsShown))} more\n`);
}

function printTotals(
  fromFiles: readonly TotalRow[],
  fromStream: readonly TotalRow[],
  side: readonly SideJson[],
  out: Output,
): void {
  printTable(
    out,
    totalColumns,
    fromFiles.map((row) => {
      const streamed = fromStream.find((other) => other.key.action === row.key.action);
      const late = side.filter((event) => isLate(event) && actionOf(event) === row.key.action).length;
      return [String(row.key.action), Number(row.values.count), Number(streamed?.values.count ?? 0), late];
    }),
  );
}

const totalColumns = [
  { heading: 'action' },
  ...['files', 'stream', 'late'].map((heading) => ({ heading, align: 'right' as const })),
];

function actionOf(event: SideJson): string {
  return String((JSON.parse(event.payload) as { action?: unknown }).action);
}

function reasonCounts(side: readonly SideJson[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...grouped(side, (event) => event.reason)].map(([reason, events]) => [reason, events.length]),
  );
}

/** The events that were set aside, by reason, with an example of each. */
function printReasons(side: readonly SideJson[], out: Output): void {
  const byReason = [...grouped(side, (event) => event.reason)];
  if (byReason.length === 0) out.write('nothing was late or rejected\n');
  else
    printTable(
      out,
      [{ heading: 'set aside' }, { heading: 'events', align: 'right' }, { heading: 'for example' }],
      byReason.map(([reason, events]) => [reason, events.length, cutTo(events[0]?.payload ?? '', longestExample)]),
    );
}

/** A pipe gets tables whole, and no example without end. */
const longestExample = 60;
