import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { type BackfillRange, backfillPipeline, backfillQuery } from '../../../functions/core/definition/backfill.ts';
import type { Lookups } from '../../../functions/core/definition/lookups.ts';
import type { Pipeline, Query } from '../../../functions/core/definition/pipeline.ts';
import { pairsByName, type StaticAnswer } from '../../../functions/core/static/static-run.ts';
import type { BackfillFields } from '../../../functions/operations/backfill.ts';
import { type HistoryTarget, sendHistory, sendRequest, sendUntilDone } from '../../backfill/send-history.ts';
import { foldStream, type StreamHistory } from '../../backfill/stream-history.ts';
import { finalizeFunction, operationOptions, servedFile } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { askOperation } from '../../deployment/invoke.ts';
import { stackOutput } from '../../deployment/stack.ts';
import { streamNameOf } from '../../feeder/feed.ts';
import { inputFiles, inputOptions } from '../../input/input-file.ts';
import { remoteLookups } from '../../lookup/remote-lookups.ts';
import { lookupOptions, rowsFor } from '../../lookup/table-rows.ts';
import { formatNumber } from '../../print/number-text.ts';
import { createProgress } from '../../print/progress.ts';
import { conservationLine, pairLines } from '../../print/result-table.ts';
import { momentText } from '../../print/time-text.ts';
import { printLines } from '../../print/wrap.ts';
import { type CommandProcess, defineCommand, flag, value } from '../../program/command.ts';
import { TidemarkError, UsageError } from '../../program/errors.ts';
import { text, time } from '../../program/option-value.ts';
import { loadPipelineBundle } from '../../program/pipeline-file.ts';
import { printRejected, rejectedOptions, toldReasons, warnOfRejected } from '../../static/rejected-lines.ts';
import { runWithProgress } from '../../static/run-with-progress.ts';
import type { StaticResult } from '../../static/static-engine.ts';

export default defineCommand({
  operands: [
    {
      name: '[FILES...]',
      description:
        'files of JSON lines, CSV or Parquet that hold the whole range (default: the records that the stream still holds)',
    },
  ],
  description:
    'Fills windows of a query that the stream does not fill any more, beside the live stream and without a second count: those before its from, or ' +
    'lost ones that were final. Windows that are final stay as they are, so it may be run again. Nothing is late here: every event counts.',
  options: {
    ...operationOptions,
    query: value(
      'name',
      'the query, with its version: actionsPerHour@2 (default: the only one, or the only one with a from)',
      text,
    ),
    since: value(
      'time',
      'windows that start at or after this: an edge of its windows (default: from the first event on)',
      time,
    ),
    until: value('time', 'windows that end at or before this: an edge of its windows (default: its from)', time),
    arrivedBefore: value(
      'time',
      'for FILES: they hold all events that the stream took before this: late events from before are in then, later ones can still be replayed',
      time,
    ),
    by: value('name', 'who does it, for the audit (default: you, as this machine knows you)', text),
    stream: value('name', 'the stream to read when there are no files (default: tidemark-PIPELINE)', text),
    ...lookupOptions,
    ...inputOptions,
    ...rejectedOptions,
    json: flag('print one JSON object'),
  },
  examples: [
    [
      'tidemark backfill --query actionsPerHour@2 --port 4500',
      'the windows before its from, out of what the stream still holds',
    ],
    ['tidemark backfill 2026/*.json --query actionsPerHour@2 --stack counts', 'out of files'],
    [
      'tidemark backfill --query actionsPerHour --until 2026-11-24T00:00:00Z --port 4500',
      'after the windows table was lost',
    ],
  ],
  async run({ operands, options, process }) {
    if (operands.length > 0 && options.stream !== undefined)
      throw new UsageError('--stream and FILES exclude each other: give one of them');
    const files = inputFiles(operands, options);
    if (files.length === 0 && options.lookup !== undefined)
      throw new UsageError(
        '--lookup belongs to FILES: records of the stream are joined with the versions that are published, leave it out',
      );
    if (files.length === 0 && options.arrivedBefore !== undefined)
      throw new UsageError(
        '--arrived-before belongs to FILES: of the stream it is known which records were read, leave it out',
      );
    const { pipeline, bundle } = await loadPipelineBundle(await servedFile(options));
    const lookupRows = files.length > 0 ? await rowsFor(pipeline, options.lookup) : undefined;
    const query = chosenQuery(pipeline, options.query);
    const range = {
      query: query.name,
      since: options.since ?? Number.NEGATIVE_INFINITY,
      until: options.until ?? beginOf(query),
    };
    const ranged = backfillPipeline(pipeline, range);
    const ask = askOperation(new LambdaClient(clientConfig(options)), await finalizeFunction(options));
    const target = { ask, range };
    const before = await sendRequest(target);
    if (files.length > 0 && options.arrivedBefore === undefined) await refuseLate(target, process.signal);
    const startedMs = process.now();
    let answer: StaticAnswer;
    let holds: Pick<BackfillFields, 'shards' | 'arrivedBefore'> | undefined;
    let reasons: StaticResult['reasons'] = [];
    if (files.length > 0) {
      const result = await runWithProgress(
        'backfill',
        { pipeline, bundle, files, range, lookupRows, arrivalMs: startedMs },
        process,
      );
      printRejected(result.rejected, result.counters.rejected, process.stderr);
      answer = result;
      ({ reasons } = result);
      holds = options.arrivedBefore === undefined ? undefined : { arrivedBefore: options.arrivedBefore };
    } else {
      refuseOpen(range, ranged.queries[0]?.until ?? range.until, before.closedThrough);
      const kinesis = new KinesisClient(clientConfig(options));
      const history = await foldWithProgress(
        ranged,
        kinesis,
        options.stream ??
          (options.stack === undefined ? streamNameOf(pipeline.name) : await stackOutput(options, 'StreamName')),
        remoteLookups(pipeline, ask),
        // Of windows that the stream counts too, records that are in no log yet will be late, and can be replayed then.
        range.until <= query.from ? undefined : before.committed,
        process,
      );
      answer = history;
      holds = { shards: history.shards };
    }
    const id = randomUUID();
    const progress = createProgress({ label: 'windows', total: answer.windows.length }, process);
    await sendHistory(target, id, query, answer.windows, process.signal, (done) =>
      progress.update(done, formatNumber(done)),
    );
    const onLate = (late: number) => progress.update(answer.windows.length, `${formatNumber(late)} late events`);
    const steps = (more: Parameters<typeof sendUntilDone>[1]) => sendUntilDone(target, more, process.signal, onLate);
    let claimed = 0;
    if (holds === undefined) await refuseLate(target, process.signal);
    else claimed = (await steps({ step: 'claim', id, ...holds })).late;
    // A range in the middle leaves the windows before it as they were.
    const isWhole = range.since <= (before.filledThrough ?? Number.NEGATIVE_INFINITY);
    const { written, standing, filledThrough, epoch } = await steps({
      step: 'commit',
      id,
      by: options.by ?? userInfo().username,
      staged: answer.windows.length,
      isWhole,
    });
    const late = claimed === 0 ? 0 : (await steps({ step: 'settle', id })).late;
    progress.stop(`${formatNumber(answer.windows.length)}`);
    process.stderr.write(`${conservationLine(answer.counters)}\n${pairLines(pairsByName(ranged, answer.queries))}`);
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ query: query.name, since: options.since ?? null, until: range.until, written, standing, late, epoch, filledThrough, events: answer.counters })}\n`,
      );
    else
      printLines(
        `tidemark: ${query.name}: ${formatNumber(written)} windows until ${momentText(range.until)} are final now, ${formatNumber(standing)} were before${lateText(late)}`,
        process.stdout,
      );
    return warnOfRejected(answer.counters, options.maxRejected, toldReasons(reasons), process.stderr);
  },
});

function chosenQuery(pipeline: Pipeline, name: string | undefined): Query {
  if (name !== undefined) return backfillQuery(pipeline, name);
  const { queries } = pipeline;
  const candidates = queries.length === 1 ? queries : queries.filter(({ from }) => Number.isFinite(from));
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return only;
  throw new UsageError(`--query is missing: name one of ${queries.map((query) => query.name).join(', ')}`);
}

function beginOf({ name, from }: Query): number {
  if (Number.isFinite(from)) return from;
  throw new UsageError(
    `--until is missing: ${name} has no from; give the time until which its windows are to be filled`,
  );
}

/**
 * Refuses windows that the stream may still bring events for: those events would be in none of the filled windows. The
 * last window ends at `lastEnd`.
 */
function refuseOpen({ query, until }: BackfillRange, lastEnd: number, closedThrough: number | null): void {
  if (closedThrough !== null && closedThrough >= lastEnd) return;
  throw new TidemarkError(
    `the stream may still bring events before ${momentText(lastEnd)}, and ${query} is to be filled until ${momentText(until)}: the watermark is ` +
      `${closedThrough === null ? 'not there yet' : `at ${momentText(closedThrough)}`}: wait until it has passed (tidemark status), or give an earlier --until`,
  );
}

const lateText = (late: number) => (late === 0 ? '' : `, with ${formatNumber(late)} late events`);

/**
 * Refuses files of which nobody has said how far they go, where it matters: a late event that they hold would be
 * counted twice by a replay, and one that they do not hold would be lost if it passed for one that they do.
 */
async function refuseLate(target: HistoryTarget, signal: AbortSignal): Promise<void> {
  const { late } = await sendUntilDone(target, { step: 'late' }, signal, () => {});
  if (late > 0)
    throw new UsageError(
      `--arrived-before is missing: ${formatNumber(late)} late events of these windows are neither replayed nor discarded; ` +
        'give the time before which all events that arrived are in the files, or settle them first (tidemark late)',
    );
}

async function foldWithProgress(
  pipeline: Pipeline,
  kinesis: KinesisClient,
  streamName: string,
  lookups: Lookups,
  through: Readonly<Record<string, string>> | undefined,
  process: CommandProcess,
): Promise<StreamHistory> {
  const progress = createProgress({ label: 'backfill', total: 1 }, process);
  let said = '';
  try {
    return await foldStream({
      kinesis,
      streamName,
      pipeline,
      lookups,
      through,
      signal: process.signal,
      nowMs: process.now(),
      onProgress: (events, share) => {
        said = `${formatNumber(events)} events of ${streamName}`;
        progress.update(share, said);
      },
    });
  } finally {
    progress.stop(said);
    kinesis.destroy();
  }
}
