import {
  type Ask,
  Refused,
  type ShownConservation,
  type ShownHealth,
  type ShownHistory,
  type ShownOperations,
  type ShownQuery,
  type ShownRow,
  type ShownSideEvent,
  type ShownSink,
  type ShownWatermark,
  type ShownWindow,
} from './api.ts';
import { hasRange, shownQuery, spans, type View } from './view.ts';

/** The data of everything that is drawn, read at one moment. */
export interface Snapshot {
  readonly pipeline: string;
  readonly queries: readonly ShownQuery[];
  readonly query: ShownQuery;
  /** By start, ascending. */
  readonly windows: readonly ShownWindow[];
  readonly totals: readonly ShownRow[];
  readonly watermark: ShownWatermark;
  readonly conservation: ShownConservation;
  /** Newest first, at most {@link mostEvents}. */
  readonly events: readonly ShownSideEvent[];
  readonly surroundings: Surroundings;
  /** Events a second since the poll before; undefined in the first. */
  readonly receivedPerSecond: number | undefined;
  /** The time of reading, by this machine's clock, epoch ms. */
  readonly at: number;
  /** The number of polls since everything was asked for. */
  readonly age: number;
}

/** What changes slowly, or hardly ever. */
export interface Surroundings {
  readonly health: ShownHealth;
  readonly sinks: readonly ShownSink[];
  readonly operations: ShownOperations;
  /** What was measured when the page was opened, or came back; undefined: it could not be told. */
  readonly measured: ShownHistory | undefined;
  /** The time of reading sinks and operations, epoch ms. */
  readonly at: number;
}

/** How long sinks and operations are shown before they are read again, ms. */
const surroundingsMs = 6_000;

/** A page that was away for longer than this, ms, asks for what was measured meanwhile. */
const awayMs = 150_000;

/** Most events that are kept for the feed. */
const mostEvents = 200;

/** The number of polls after which everything is asked for again. */
const mostAge = 30;

/** How far back (ms) the feed looks at first: the longest of these spans whose events fit into one answer. */
const feedSpansMs = [86_400_000, 3_600_000, 300_000, 30_000] as const;
const feedLimit = 1000;

/**
 * Asks for the parts that may have changed. While nothing has been received and nothing became final, that is two small
 * answers. Of the windows it asks only for those from the newest final one on: the windows before it are final too and
 * never change.
 */
export async function load(ask: Ask, view: View, before: Snapshot | undefined, now: () => number): Promise<Snapshot> {
  const [conservation, watermark] = await Promise.all([
    ask<ShownConservation>('conservation'),
    ask<ShownWatermark>('watermark'),
  ]);
  const at = now();
  const known = before === undefined || before.age >= mostAge ? undefined : before;
  const around = await loadSurroundings(ask, before, at);
  if (known !== undefined && isQuiet(known, conservation, watermark)) {
    const { age } = known;
    return { ...known, conservation, watermark, surroundings: around, at, receivedPerSecond: 0, age: age + 1 };
  }
  const { pipeline, queries } = known ?? (await ask<{ pipeline: string; queries: readonly ShownQuery[] }>('queries'));
  const query = shownQuery(queries, view);
  if (query === undefined)
    throw new Refused(`there is no query ${view.query}: choose one of ${queries.map(({ name }) => name).join(', ')}`);
  const [windows, events] = await Promise.all([
    loadWindows(ask, query, view, known?.windows ?? [], newestTime(watermark)),
    before !== undefined && isSame(before.conservation, conservation)
      ? before.events
      : loadEvents(ask, before?.events ?? [], at),
  ]);
  const totals = await loadTotals(ask, query, view, windows);
  const receivedPerSecond =
    before === undefined
      ? undefined
      : ((conservation.received - before.conservation.received) * 1000) / (at - before.at);
  return {
    pipeline,
    queries,
    query,
    windows,
    totals,
    watermark,
    conservation,
    events,
    surroundings: around,
    receivedPerSecond,
    at,
    age: known === undefined ? 0 : known.age + 1,
  };
}

async function loadSurroundings(ask: Ask, before: Snapshot | undefined, at: number): Promise<Surroundings> {
  const known = before?.surroundings;
  const wasAway = before === undefined || at - before.at > awayMs;
  const isOld = before !== undefined && before.age >= mostAge;
  if (known !== undefined && !wasAway && at - known.at < surroundingsMs) return known;
  const [health, { sinks }, operations, measured] = await Promise.all([
    known === undefined || isOld ? ask<ShownHealth>('health') : known.health,
    known !== undefined && known.sinks.length === 0 && !isOld
      ? { sinks: known.sinks }
      : ask<{ readonly sinks: readonly ShownSink[] }>('sinks'),
    ask<ShownOperations>('operations'),
    wasAway ? ask<ShownHistory>('history').catch(() => undefined) : known?.measured,
  ]);
  return { health, sinks, operations, measured, at };
}

/** The greatest event time of all shards, epoch ms; undefined: there was no event. */
function newestTime({ shards }: ShownWatermark): number | undefined {
  const times = shards.flatMap(({ maxEventTime }) => maxEventTime ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

function isQuiet(
  known: Snapshot,
  conservation: ShownConservation,
  { watermark, finalizedThrough }: ShownWatermark,
): boolean {
  const { watermark: before } = known;
  return (
    isSame(known.conservation, conservation) &&
    before.watermark === watermark &&
    before.finalizedThrough === finalizedThrough
  );
}

/** Whether no event was received in between. Late and rejected events count as received. */
function isSame(one: ShownConservation, other: ShownConservation): boolean {
  return one.received === other.received;
}

async function loadWindows(
  ask: Ask,
  { name }: ShownQuery,
  view: View,
  known: readonly ShownWindow[],
  newest: number | undefined,
): Promise<readonly ShownWindow[]> {
  const span = hasRange(view) ? undefined : spans[view.span ?? ''];
  const most = hasRange(view) || span !== undefined ? 1000 : view.last;
  const begin = span === undefined || newest === undefined ? view.from : Math.ceil(newest - span.ms);
  const settled = known.slice(
    0,
    Math.max(
      0,
      known.findLastIndex(({ status }) => status === 'final'),
    ),
  );
  const firstOpen = settled.findIndex(({ status }) => status !== 'final');
  const kept = firstOpen === -1 ? settled : settled.slice(0, firstOpen);
  const from = kept.at(-1)?.start ?? begin;
  const found: ShownWindow[] = [];
  let cursor: string | undefined;
  do {
    const page = await ask<{ windows: readonly ShownWindow[]; cursor: string | null }>(
      `queries/${encodeURIComponent(name)}/windows`,
      {
        from,
        to: view.to,
        order: 'descending',
        limit: most - found.length,
        cursor,
      },
    );
    found.push(...page.windows);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined && found.length < most);
  const first = found.at(-1)?.start ?? Number.POSITIVE_INFINITY;
  const older = kept.filter(({ start }) => start < first && (typeof begin !== 'number' || start >= begin));
  return [...older, ...found.reverse()].slice(-most);
}

/** The totals of the shown windows, so that the bars are the sums of the chart. */
async function loadTotals(
  ask: Ask,
  { name }: ShownQuery,
  { to }: View,
  windows: readonly ShownWindow[],
): Promise<readonly ShownRow[]> {
  const from = windows[0]?.start;
  if (from === undefined) return [];
  const { totals, missing } = await ask<{
    totals: readonly ShownRow[];
    missing: { readonly what: string; readonly fromTime: string } | null;
  }>(`queries/${encodeURIComponent(name)}/totals`, { from, to });
  // Bars that lack windows would pass for whole ones.
  if (missing !== null) throw new Error(`no time to read the ${missing.what} from ${missing.fromTime} on`);
  return totals;
}

async function loadEvents(ask: Ask, known: readonly ShownSideEvent[], now: number): Promise<readonly ShownSideEvent[]> {
  const newest = known[0]?.arrival;
  // Ranges are of arrival times. An event that came together with the newest known one may have been written after that
  // was read.
  const froms = [
    ...(newest === undefined || now - newest > feedSpansMs[0] ? [] : [newest - 1000]),
    ...feedSpansMs.map((spanMs) => now - spanMs),
  ];
  let found: readonly ShownSideEvent[] = [];
  for (const from of froms) {
    const { events, cursor } = await ask<{ events: readonly ShownSideEvent[]; cursor: string | null }>('late', {
      from,
      limit: feedLimit,
    });
    found = events;
    if (cursor === null) break;
  }
  const byId = new Map([...found, ...known].map((event) => [eventId(event), event]));
  return [...byId.values()].sort((a, b) => b.arrival - a.arrival).slice(0, mostEvents);
}

/** The identity of an event of the side output: no two events share it. */
function eventId({ shardId, sequenceNumber, subRecord, query }: ShownSideEvent): string {
  return `${shardId} ${sequenceNumber} ${subRecord} ${query ?? ''}`;
}
