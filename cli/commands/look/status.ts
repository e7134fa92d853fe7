import { setTimeout as delay } from 'node:timers/promises';
import { eventClasses } from '../../../functions/core/events/counters.ts';
import { isoTime } from '../../../functions/core/events/event-time.ts';
import type { ApiClient, ConservationJson, WatermarkJson } from '../../deployment/api-client.ts';
import { apiOptions, openApi } from '../../deployment/api-options.ts';
import { formatNumber } from '../../print/number-text.ts';
import { conservationLine, lateText, pairLines } from '../../print/result-table.ts';
import { shardText } from '../../print/shard-text.ts';
import { formatTable } from '../../print/table.ts';
import { momentText, timeText, zonedHeading } from '../../print/time-text.ts';
import { widthOf } from '../../print/width.ts';
import { printLines } from '../../print/wrap.ts';
import { type CommandProcess, defineCommand, flag, valueOr } from '../../program/command.ts';
import { reportError } from '../../program/errors.ts';
import { integer } from '../../program/option-value.ts';

export default defineCommand({
  description:
    'Prints the watermark, the shards and which of them holds it back, and the conservation counters, from the query API. Exit code 1: the counters do ' +
    'not add up, or nothing is counted because the pipeline does not fit its state.',
  options: {
    ...apiOptions,
    watch: flag(
      'again and again, with open windows and events a second, until Ctrl-C; a line each where there is no terminal',
    ),
    every: valueOr('seconds', 'how often, with --watch', integer(1, 3600), 2),
    json: flag('print one JSON object, with --watch one a line'),
  },
  examples: [
    ['tidemark status --port 4500', 'how far the stream has come'],
    ['tidemark status --watch --stack counts', 'how it goes on'],
  ],
  async run({ options, process }) {
    const api = await openApi(options);
    if (options.watch) return watch(api, options, process);
    const seen = await look(api, process.now());
    if (options.json)
      process.stdout.write(`${JSON.stringify({ watermark: seen.watermark, conservation: seen.conservation })}\n`);
    else printLines(view(seen, widthOf(process.stdout)), process.stdout);
    for (const refusal of refusalsOf(seen)) process.stderr.write(`tidemark: nothing is counted: ${refusal}\n`);
    return seen.conservation.holds && refusalsOf(seen).length === 0 ? 0 : 1;
  },
});

interface Seen {
  readonly at: number;
  readonly watermark: WatermarkJson;
  readonly conservation: ConservationJson;
}

async function look(api: ApiClient, at: number): Promise<Seen> {
  const [watermark, conservation] = await Promise.all([api.watermark(), api.conservation()]);
  return { at, watermark, conservation };
}

const refusalsOf = ({ watermark }: Seen): readonly string[] => watermark.refusals ?? [];

/**
 * Draws in the same place again on a terminal, and prints a line each time elsewhere. It waits for an API that is away
 * for a while.
 */
async function watch(
  api: ApiClient,
  { every, json }: { readonly every: number; readonly json: boolean },
  { stdout, signal, now }: CommandProcess,
): Promise<number> {
  const isTerminal = 'isTTY' in stdout && stdout.isTTY === true && !json;
  const { createLogUpdate } = await import('log-update');
  const draw = isTerminal ? createLogUpdate(stdout as NodeJS.WriteStream) : undefined;
  let before: Seen | undefined;
  let last = '';
  while (!signal.aborted) {
    try {
      const seen = await look(api, now());
      const open = (
        await Promise.all(
          (await api.queries()).map(async ({ name }) => (await api.windows(name, { status: 'open' })).length),
        )
      ).reduce((total, count) => total + count, 0);
      const rates = ratesOf(before, seen);
      if (json)
        stdout.write(
          `${JSON.stringify({ at: isoTime(seen.at), openWindows: open, rates, watermark: seen.watermark, conservation: seen.conservation })}\n`,
        );
      else {
        last = `${view(seen, widthOf(stdout))}\nopen windows ${formatNumber(open)}; ${rateLine(rates)}${refusalText(seen)}`;
        if (draw === undefined)
          stdout.write(
            `${isoTime(seen.at)} watermark ${time(seen.watermark.watermark)}, open windows ${formatNumber(open)}, ${rateLine(rates)}, ${conservationLine(seen.conservation)}${lateText(seen.conservation.queries)}${refusalText(seen)}\n`,
          );
        else draw(last);
      }
      before = seen;
    } catch (error) {
      const { message } = reportError(error);
      if (draw === undefined) stdout.write(json ? `${JSON.stringify({ error: message })}\n` : `${message}\n`);
      else draw(`${last}\n${message}`);
    }
    await delay(every * 1000, undefined, { signal }).catch(() => undefined);
  }
  draw?.done();
  return 0;
}

function refusalText(seen: Seen): string {
  return refusalsOf(seen)
    .map((refusal) => `; nothing is counted: ${refusal}`)
    .join('');
}

type Rates = Readonly<Record<(typeof eventClasses)[number] | 'received', number>>;

/** Events a second since the look before; undefined at the first look. */
function ratesOf(before: Seen | undefined, { at, conservation }: Seen): Rates | undefined {
  if (before === undefined) return undefined;
  const seconds = Math.max(0.001, (at - before.at) / 1000);
  const rates = (['received', ...eventClasses] as const).map(
    (name) => [name, (conservation[name] - before.conservation[name]) / seconds] as const,
  );
  return Object.fromEntries(rates) as Rates;
}

function rateLine(rates: Rates | undefined): string {
  if (rates === undefined) return 'events a second: at the next look';
  const shown = Object.entries(rates).filter(([name, rate]) => name === 'received' || rate > 0);
  return `events a second: ${shown.map(([name, rate]) => `${name} ${formatNumber(Math.round(rate * 10) / 10)}`).join(', ')}`;
}

function view({ watermark, conservation }: Seen, width: number): string {
  const { heldBy, asOf = null } = watermark;
  const columns = [
    { heading: 'shard' },
    { heading: 'state' },
    { heading: zonedHeading('max event time'), cut: 'never' as const },
    { heading: zonedHeading('watermark'), cut: 'never' as const },
  ];
  const rows = watermark.shards.map((shard) => [
    shardText(shard.shardId),
    shard.state,
    shard.maxEventTime === null ? none : timeText(shard.maxEventTime),
    shard.watermark === null ? none : timeText(shard.watermark),
  ]);
  return [
    `watermark ${time(watermark.watermark)}${heldBy === null ? '' : `, held by ${shardText(heldBy)}`}; final through ${time(watermark.finalizedThrough)}`,
    formatTable(columns, rows, width),
    ...(asOf === null ? [] : [`as of ${momentText(asOf)}: there are more shards than are read at a time`]),
    `${conservationLine(conservation)}\n${pairLines(conservation.queries)}`.trimEnd(),
  ].join('\n');
}

const none = 'none yet';

function time(ms: number | null): string {
  return ms === null ? none : momentText(ms);
}
