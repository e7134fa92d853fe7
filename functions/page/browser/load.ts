import {
  type Ask,
  Refused,
  type ShownConservation,
  type ShownQuery,
  type ShownRow,
  type ShownSideEvent,
  type ShownWatermark,
  type ShownWindow,
} from './api.ts';
import { shownQuery, type View } from './view.ts';

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
  /** Events a second since the poll before; undefined in the first. */
  readonly receivedPerSecond: number | undefined;
  /** The time of reading, by this machine's clock, epoch ms. */
  readonly at: number;
  /** The number of polls since everything was asked for. */
  readonly age: number;
}

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
  if (known !== undefined && isQuiet(known, conservation, watermark))
    return { ...known, conservation, watermark, at, receivedPerSecond: 0, age: known.age + 1 };
  const { pipeline, queries } = known ?? (await ask<{ pipeline: string; queries: readonly ShownQuery[] }>('queries'));
  const query = shownQuery(queries, view);
  if (query === undefined)
    throw new Refused(`there is no query ${view.query}: choose one of ${queries.map(({ name }) => name).join(', ')}`);
  const [windows, events] = await Promise.all([
    loadWindows(ask, query, view, known?.windows ?? []),
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
    receivedPerSecond,
    at,
    age: known === undefined ? 0 : known.age + 1,
  };
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
): Promise<readonly ShownWindow[]> {
  const isRange = view.from !== undefined || view.to !== undefined;
  const most = isRange ? 1000 : view.last;
  const settled = known.slice(
    0,
    Math.max(
      0,
      known.findLastIndex(({ status }) => status === 'final'),
    ),
  );
  const firstOpen = settled.findIndex(({ status }) => status !== 'final');
  const kept = firstOpen === -1 ? settled : settled.slice(0, firstOpen);
  const from = kept.at(-1)?.start ?? view.from;
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
  const older = kept.filter(({ start }) => start < first);
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
  const { totals } = await ask<{ totals: readonly ShownRow[] }>(`queries/${encodeURIComponent(name)}/totals`, {
    from,
    to,
  });
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
