import type { SideJson } from '../../functions/api/side-json.ts';
import { grouped } from '../../functions/core/definition/grouped.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { isoTime } from '../../functions/core/events/event-time.ts';
import { type TotalRow, totalsOf } from '../../functions/core/fold/totals.ts';
import type { StaticWindow } from '../../functions/core/static/static-run.ts';
import { inputFiles } from '../input/input-file.ts';
import { conservationLine, pairLines, printRows, printTotals, type ResultRow } from '../print/result-table.ts';
import { formatNumber, formatTable } from '../print/table.ts';
import type { CommandProcess } from '../program/command.ts';
import { loadPipelineBundle, resolvePipelineFile } from '../program/pipeline-file.ts';
import type { Manifest } from '../sample/open-close.ts';
import { runStatic } from '../static/static-engine.ts';
import { staticRows } from '../static/static-rows.ts';
import type { Embedded } from '../stream/embedded.ts';
import { runStream, type StreamResult } from '../stream/stream-run.ts';
import { barChart } from './bar-chart.ts';
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

/** The width of the longest bar, in characters. */
const barWidth = 60;

/**
 * Runs the lesson and tells it.
 * @returns the exit code: 0 when both answers agree and the law of conservation holds
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { files, manifest, form, process } = options;
  const out = form === 'json' ? process.stderr : process.stdout;
  const say = (text: string) => void out.write(`${text}\n`);
  const pipelineFile = resolvePipelineFile('device-actions');
  const { pipeline, bundle } = await loadPipelineBundle(pipelineFile);

  say(
    `1. Dataset: ${formatNumber(manifest.events)} events in ${manifest.files} files (${manifest.open} Open, ${manifest.close} Close)`,
  );
  say(
    `   ${manifest.movedLate} moved to later files, ${manifest.farTooLate} far too late, ${manifest.malformed} malformed and ${manifest.future} future ones added`,
  );

  say('\n2. Static: the query over the files (tidemark batch)');
  const staticBegan = process.now();
  const batch = await runStatic({
    pipeline,
    bundle,
    files: inputFiles(files),
    arrivalMs: staticBegan,
    signal: process.signal,
    onProgress: () => undefined,
  });
  const staticSeconds = (process.now() - staticBegan) / 1000;
  const staticTotals = totals(pipeline, batch.windows);
  if (form === 'text') printRows(staticRows(pipeline, batch.windows), 'table', out);
  if (form === 'text') printTotals(staticTotals, 'table', out);

  say(
    `\n3. Stream: the same query over the same files, one after the other, through ${shards} shards (tidemark stream)`,
  );
  const half = Math.floor(files.length / 2);
  let isFirst = true;
  const during = async (system: Embedded, filesDone: number, put: () => Promise<void>) => {
    if (isFirst) say(`   watch it: ${system.local.url}/`);
    isFirst = false;
    if (filesDone !== half) return put();
    say(`4. Halfway: ${await killInTheMiddle(system, put)}`);
    const split = await splitFirstShard(system, shards);
    if (split !== undefined) say(`   and split ${split} in two`);
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
        say,
      });
      const page = `${system.local.url}/`;
      if (after.kind === 'stop')
        say(`\nthe page was at ${page}: npm run demo -- --keep leaves it live, with events still arriving`);
      else {
        say(`\nthe page: ${page} (events keep arriving, an hour of theirs every 15 seconds; Ctrl-C ends it)`);
        await keepFeeding(system, pipeline, after.seed, process);
      }
      return exitCode;
    },
  );
}

interface Conclusion extends DemoOptions {
  readonly pipeline: Pipeline;
  readonly system: Embedded;
  readonly result: StreamResult;
  readonly batch: Awaited<ReturnType<typeof runStatic>>;
  readonly staticTotals: readonly TotalRow[];
  readonly staticSeconds: number;
  readonly say: (text: string) => void;
}

/** Step 5: asks the API, and prints its answer beside the static one. */
async function conclude(conclusion: Conclusion): Promise<number> {
  const { pipeline, files, system, result, batch, staticTotals, staticSeconds, say, form, process } = conclusion;
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

  say('\n5. The windows and totals that the API answers, beside the static ones');
  if (form === 'text') say(sideBySide(staticRows(pipeline, batch.windows), result.rows, side, pipeline));
  if (form === 'text') say(totalsTable(staticTotals, streamTotals, side));
  say(reasons(side));
  say(
    `\n${barChart(
      streamTotals.map((row) => ({ label: String(row.key.action), value: Number(row.values.count) })),
      barWidth,
    )}\n`,
  );
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
    `static ${seconds.static.toFixed(1)} s, start ${seconds.start.toFixed(1)} s, stream ${seconds.stream.toFixed(1)} s, ${formatNumber(result.writeUnits)} write units`,
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
 * A line for each hour and action: the count of the files, the count of the stream, and the late events, which are the
 * difference.
 */
function sideBySide(
  fromFiles: readonly ResultRow[],
  fromStream: readonly ResultRow[],
  side: readonly SideJson[],
  pipeline: Pipeline,
): string {
  const streamed = new Map(fromStream.map((row) => [nameOf(row), row]));
  const [query] = pipeline.queries;
  const late = grouped(side.filter(isLate), (event) =>
    nameOf({ start: query?.window.sliceOf(event.eventTime ?? 0) ?? 0, key: { action: actionOf(event) } }),
  );
  const columns = [
    { heading: 'hour' },
    { heading: 'action' },
    ...['files', 'stream', 'late'].map((heading) => ({ heading, align: 'right' as const })),
  ];
  const rows = fromFiles.map((row) => {
    const name = nameOf(row);
    return [
      isoTime(row.start),
      String(row.key.action),
      Number(row.values.count),
      Number(streamed.get(name)?.values.count ?? 0),
      late.get(name)?.length ?? 0,
    ];
  });
  return formatTable(columns, rows);
}

function totalsTable(
  fromFiles: readonly TotalRow[],
  fromStream: readonly TotalRow[],
  side: readonly SideJson[],
): string {
  const columns = [
    { heading: 'action' },
    ...['files', 'stream', 'late'].map((heading) => ({ heading, align: 'right' as const })),
  ];
  const rows = fromFiles.map((row) => {
    const streamed = fromStream.find((other) => other.key.action === row.key.action);
    const late = side.filter((event) => isLate(event) && actionOf(event) === row.key.action).length;
    return [String(row.key.action), Number(row.values.count), Number(streamed?.values.count ?? 0), late];
  });
  return formatTable(columns, rows);
}

function actionOf(event: SideJson): string {
  return String((JSON.parse(event.payload) as { action?: unknown }).action);
}

function reasonCounts(side: readonly SideJson[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...grouped(side, (event) => event.reason)].map(([reason, events]) => [reason, events.length]),
  );
}

/** The events that were set aside, by reason, with an example of each. */
function reasons(side: readonly SideJson[]): string {
  const byReason = [...grouped(side, (event) => event.reason)];
  if (byReason.length === 0) return 'nothing was late or rejected';
  const columns = [
    { heading: 'set aside' },
    { heading: 'events', align: 'right' as const },
    { heading: 'for example' },
  ];
  return formatTable(
    columns,
    byReason.map(([reason, events]) => [
      reason,
      events.length,
      shortened(`${events[0]?.payload}: ${events[0]?.detail}`),
    ]),
  );
}

function shortened(text: string): string {
  const line = text.replace(/\p{Cc}/gu, '?');
  return line.length > 90 ? `${line.slice(0, 87)}...` : line;
}
