import { userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { SideJson } from '../../../functions/api/side-json.ts';
import type { CorrectedWindow, CorrectionAnswer } from '../../../functions/operations/late.ts';
import type { OperationRequest } from '../../../functions/operations/table.ts';
import { chosenQueries, openApi } from '../../deployment/api-options.ts';
import { finalizeFunction, hasApi, type NamedDeployment, operationOptions } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { type AskOperation, askOperation } from '../../deployment/invoke.ts';
import { formatNumber } from '../../print/number-text.ts';
import { createProgress, type Progress } from '../../print/progress.ts';
import { shardText } from '../../print/shard-text.ts';
import { printTable } from '../../print/table.ts';
import { momentText, timeText, windowText, zonedHeading } from '../../print/time-text.ts';
import { printLines } from '../../print/wrap.ts';
import { type CommandProcess, defineCommand, flag, value } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { httpUrl, text, time } from '../../program/option-value.ts';
import type { Output } from '../../program/output.ts';
import { defaultPipeline, loadPipeline } from '../../program/pipeline-file.ts';

const weekMs = 7 * 24 * 3_600_000;
type Options = NamedDeployment & { readonly api: string | undefined; readonly query: string | undefined };

const actions = { list: undefined, replay: 'replayed', discard: 'discarded' } as const;

export default defineCommand({
  operands: [
    {
      name: 'ACTION',
      description: 'list, replay (put them into the windows that they missed), or discard (leave them out, for good)',
    },
  ],
  description:
    'Late events, which came after their windows were final, put right: a replay makes a numbered revision of each final window, exactly once for a ' +
    'record however often it is repeated, with who did it noted beside the window.',
  options: {
    ...operationOptions,
    api: value('url', 'for list: the address of a query API, without /v1', httpUrl),
    query: value(
      'name',
      'the query for which the events were late (default: for list all of them, else the only one)',
      text,
    ),
    window: value(
      'time',
      'for replay and discard: only events of the windows that start at this time (default: of all windows)',
      time,
    ),
    from: value('time', 'only events that arrived at or after this (default: a week ago)', time),
    to: value('time', 'only events that arrived before this (default: now)', time),
    by: value('name', 'who does it, for the audit (default: you, as this machine knows you)', text),
    json: flag('print JSON: an event a line, or the answer as one object'),
  },
  examples: [
    ['tidemark late list --port 4500', 'the events that came too late in the last week'],
    ['tidemark late replay --window 2016-07-26T02:00:00Z --port 4500', 'put it into the final window it missed'],
  ],
  async run({ operands: [action = ''], options, process }) {
    if (!Object.hasOwn(actions, action))
      throw new UsageError(`${action} is not known: use ${Object.keys(actions).join(', ')}`);
    const settled = actions[action as keyof typeof actions];
    const until = options.to ?? process.now() + 1;
    const since = options.from ?? until - weekMs;
    if (settled === undefined) return list(options, { from: since, to: until }, process);
    const query = onlyQuery(await queryNames(options));
    const ask = askOperation(new LambdaClient(clientConfig(options)), await finalizeFunction(options));
    const window = options.window === undefined ? {} : { window: options.window };
    const request = {
      request: 'late',
      query,
      settled,
      since,
      until,
      by: options.by ?? userInfo().username,
      ...window,
    } as const;
    const answer = await correctAll(ask, request, process);
    report(answer, settled, options.json, process);
    return answer.unusable > 0 ? 1 : 0;
  },
});

/** The pause before a request that the one before has not brought any further, in ms. */
const againAfterMs = 500;

/** Asks until all is done, each time from the place that the answer before had come to, and says how far it is. */
async function correctAll(
  ask: AskOperation,
  request: OperationRequest<'late'>,
  process: CommandProcess,
): Promise<CorrectionAnswer> {
  const windows = new Map<string, CorrectedWindow>();
  const totals = { settled: 0, unusable: 0, waiting: 0 };
  let progress: Progress | undefined;
  let said = '';
  try {
    for (let after: CorrectionAnswer['progress'] = null; ; ) {
      process.signal.throwIfAborted();
      const answer: CorrectionAnswer = await ask({ ...request, ...(after === null ? {} : { after }) });
      for (const window of answer.windows) {
        const name = `${window.start}/${window.end}`;
        windows.set(name, { ...window, records: window.records + (windows.get(name)?.records ?? 0) });
      }
      totals.settled += answer.settled;
      totals.unusable += answer.unusable;
      totals.waiting += answer.waiting;
      if (answer.done) return { ...answer, ...totals, windows: [...windows.values()] };
      const [shardId, hour] = answer.progress ?? ['', 0];
      said = `${formatNumber(totals.settled)} settled${shardId === '' ? '' : `, ${shardText(shardId)}, those that arrived until ${momentText(hour)}`}`;
      progress ??= createProgress({ label: 'late events', total: undefined }, process);
      progress.update(totals.settled, said);
      if (JSON.stringify(after) === JSON.stringify(answer.progress))
        await delay(againAfterMs, undefined, { signal: process.signal });
      after = answer.progress;
    }
  } finally {
    progress?.stop(said);
  }
}

/** The queries of the place that the options choose. Where no API can be asked, the queries of the pipeline's file. */
async function queryNames(options: Options): Promise<readonly string[]> {
  const { query, stack } = options;
  // A caller who may ask the function of a stack need not be allowed to use its API. The function refuses a name that
  // is not a query.
  if (stack !== undefined && query !== undefined) return [query];
  if (hasApi(options)) return (await chosenQueries(await openApi(options), query)).map(({ name }) => name);
  const names = (await loadPipeline(options.pipeline ?? defaultPipeline)).queries.map(({ name }) => name);
  if (query === undefined || names.includes(query)) return query === undefined ? names : [query];
  throw new UsageError(`--query: there is no query ${query}: use ${names.join(', ')}`);
}

function onlyQuery(names: readonly string[]): string {
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw new UsageError(`--query is missing: name one of ${names.join(', ')}`);
}

function report(
  answer: CorrectionAnswer,
  settled: 'replayed' | 'discarded',
  json: boolean,
  { stdout }: CommandProcess,
): void {
  if (json) {
    stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  const { query, windows, unusable, waiting, epoch } = answer;
  const since = epoch === null ? '' : `, out since epoch ${formatNumber(epoch)}`;
  printLines(`tidemark: ${query}: ${formatNumber(answer.settled)} late events ${settled}${since}`, stdout);
  if (windows.length > 0)
    printTable(
      stdout,
      [
        { heading: zonedHeading('window'), cut: 'never' },
        { heading: 'revision', align: 'right' },
        { heading: 'records more', align: 'right' },
      ],
      windows.map(({ start, end, revision, records }) => [windowText(start, end), String(revision), records]),
    );
  if (waiting > 0)
    printLines(
      `${formatNumber(waiting)} wait: their windows held more and are not there any more: fill them with tidemark backfill first, then replay again`,
      stdout,
    );
  if (unusable > 0)
    printLines(
      `${formatNumber(unusable)} cannot be replayed: only their beginning is kept, or the pipeline does not take them any more`,
      stdout,
    );
}

async function list(
  options: Options & { readonly json: boolean },
  range: { readonly from: number; readonly to: number },
  { stdout }: CommandProcess,
): Promise<number> {
  const api = await openApi(options);
  const names = new Set((await chosenQueries(api, options.query)).map(({ name }) => name));
  const isAsked = ({ reason, query }: SideJson) =>
    // Without a choice, the late events of queries that were taken out of the pipeline are told too.
    reason === 'late' && (options.query === undefined || (query !== null && names.has(query)));
  const events = (await api.late(range)).filter(isAsked);
  if (options.json) for (const event of events) stdout.write(`${JSON.stringify(event)}\n`);
  else if (events.length === 0) stdout.write('no late events\n');
  else printLate(events, stdout);
  return 0;
}

/** A column that says nothing of any of the events is left out. */
function printLate(events: readonly SideJson[], out: Output): void {
  const several = new Set(events.map(({ query }) => query)).size > 1;
  const isSettled = events.some(({ settled }) => settled !== null && settled !== undefined);
  printTable(
    out,
    [
      ...(several ? [{ heading: 'query' }] : []),
      { heading: zonedHeading('arrival'), cut: 'never' },
      { heading: zonedHeading('event time'), cut: 'never' },
      { heading: 'shard' },
      ...(isSettled ? [{ heading: 'settled' }] : []),
      { heading: 'event' },
    ],
    events.map(({ query, arrival, eventTime, shardId, settled, payload }) => [
      ...(several ? [query ?? ''] : []),
      timeText(Math.floor(arrival / 1000) * 1000),
      eventTime === null ? '' : timeText(eventTime),
      shardText(shardId),
      ...(isSettled ? [settled ?? ''] : []),
      payload.length > longestPayload ? `${payload.slice(0, longestPayload - 1)}…` : payload,
    ]),
  );
}

/** A pipe gets wide tables whole, and not all of a payload of a megabyte. */
const longestPayload = 200;
