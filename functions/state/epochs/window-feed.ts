import type { Query } from '../../core/definition/pipeline.ts';
import type { Window } from '../../core/windows/window.ts';
import type { FeedRange, ReaderTables, WindowView } from '../windows/window-view.ts';
import type { LiveViews } from './epoch-viewer.ts';
import type { FeedPlace } from './feed-place.ts';
import { type FinalPage, readFinalPage } from './final-feed.ts';
import { readLiveWindows } from './window-reader.ts';

/**
 * Final windows behind a place, in the order in which they become final: the output mode `append`. A reader who goes on
 * behind the page that it got sees each window once, with its first final pane or a correction of it; also windows of a
 * backfill, and those that were empty until a correction.
 * @param nowMs epoch ms
 */
export function readFinals(
  tables: ReaderTables,
  query: Query,
  range: FeedRange,
  place: FeedPlace | undefined,
  nowMs: number,
): Promise<FinalPage> {
  return readFinalPage(tables, query, range, 'finals', place, nowMs);
}

/**
 * An open window as it was given to a reader, with the number of its records. The number never falls. The rows change
 * only when it grows.
 */
export type SeenWindow = readonly [start: number, end: number, records: number];

/** How far a reader of changes has come. */
export interface ChangePlace extends FeedPlace {
  /** Open windows that the reader got. */
  readonly seen: readonly SeenWindow[];
  /** The last open window of the page before; undefined when that page was the last one. */
  readonly open?: Window | undefined;
  /** The epoch that holds all of the open windows that the reader got; 0: it got none. */
  readonly heldBy: number;
}

/** Windows that have changed. */
export interface Changes {
  readonly views: readonly WindowView[];
  /** The place to go on from when only the first `taken` windows were given. */
  placeAfter(taken: number): ChangePlace;
}

/**
 * Most open windows whose record counts a place holds: a place has to fit into an address. Other windows come again,
 * changed or not.
 */
const mostSeen = 100;

/**
 * The windows that have changed since a place: the output mode `update`. First come the windows that became final or
 * were corrected, epoch by epoch. Then come the open ones that hold more records than the reader knows. Each window is
 * given whole. A reader that replaces its copy of each window has the whole table.
 * @param nowMs epoch ms
 */
export async function readChanges(
  tables: ReaderTables,
  query: Query,
  range: FeedRange,
  place: ChangePlace | undefined,
  nowMs: number,
): Promise<Changes> {
  const { limit } = range;
  const page = await readFinalPage(tables, query, range, 'finals and corrections', place, nowMs);
  const finals = page.views;
  const after = place?.open;
  const { views: open, heldBy } = page.isLast
    ? await readOpen(tables, query, range, place)
    : { views: [], heldBy: place?.heldBy ?? 0 };
  const known = new Map((place?.seen ?? []).map(([start, end, records]) => [`${start}/${end}`, records]));
  const grown = open.filter(({ start, end, records }) => known.get(`${start}/${end}`) !== records);
  const views = [...finals, ...grown];
  return {
    views,
    placeAfter(taken) {
      const given = grown.slice(0, Math.max(taken - finals.length, 0));
      const isLastPage = given.length === grown.length && open.length < limit;
      const last = given.length === grown.length ? open.at(-1) : given.at(-1);
      return {
        ...page.placeAfter(Math.min(taken, finals.length)),
        seen: seenAfter(place?.seen ?? [], given, finals),
        open: isLastPage && page.isLast ? undefined : (bounds(last) ?? after),
        heldBy,
      };
    },
  };
}

/**
 * Open windows behind a place. They never go back behind what the reader has: where the tails are more than a request
 * reads, the answer is as of an epoch. A reader who has more than that epoch holds gets no open windows until an epoch
 * holds all of it.
 */
async function readOpen(
  tables: ReaderTables,
  query: Query,
  range: FeedRange,
  place: ChangePlace | undefined,
): Promise<Pick<LiveViews, 'views' | 'heldBy'>> {
  const after = place?.open;
  const before = place?.heldBy ?? 0;
  const { views, asOf, heldBy } = await readLiveWindows(tables, query, {
    ...range,
    status: 'open',
    order: 'ascending',
    ...(after === undefined ? {} : { after }),
  });
  if (asOf !== undefined && heldBy < before) return { views: [], heldBy: before };
  return { views, heldBy: Math.max(heldBy, before) };
}

/** The bounds of a window, without its content. */
const bounds = (window: Window | undefined): Window | undefined => window && { start: window.start, end: window.end };

/** The open windows that the reader knows, the latest last. Windows that became final are left out. */
function seenAfter(
  before: readonly SeenWindow[],
  given: readonly WindowView[],
  finals: readonly Window[],
): readonly SeenWindow[] {
  const seen = new Map(before.map((one) => [`${one[0]}/${one[1]}`, one]));
  for (const { start, end } of finals) seen.delete(`${start}/${end}`);
  for (const { start, end, records } of given) {
    seen.delete(`${start}/${end}`);
    seen.set(`${start}/${end}`, [start, end, records]);
  }
  return [...seen.values()].slice(-mostSeen);
}
