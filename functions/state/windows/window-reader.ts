import { grouped } from '../../core/definition/grouped.ts';
import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import type { Partials } from '../../core/fold/partial.ts';
import { type ClosingWindow, sortedRows, windowsOf } from '../../core/fold/window-result.ts';
import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';
import { readHorizon } from '../items/horizon.ts';
import { type FoundPage, readSlicePages } from '../items/page.ts';
import { type RegisteredBucket, readRegistry } from '../items/registry.ts';
import type { Table } from '../table/table.ts';
import { type Pane, type PaneHead, partialsOf, readPaneHead, readPanes } from './manifest.ts';
import { mergeSlice } from './merged-slice.ts';
import { findSessions } from './session-reader.ts';

/** A window as a reader sees it. */
export interface WindowView extends Window {
  readonly query: string;
  /**
   * `open` while records may still come, `closing` when they may not but it is not emitted yet, `final` for ever after.
   */
  readonly status: 'open' | 'closing' | 'final';
  /** Of the last pane; null before the first. */
  readonly revision: number | null;
  /** When the final pane was written, epoch ms; null before it. */
  readonly finalizedAt: number | null;
  readonly records: number;
  readonly rows: readonly Row[];
  /** What the rows were made of, to be merged with other windows'. */
  readonly partials: Partials;
}

/** Which windows a reader asks for. */
export interface WindowRange {
  /** Earliest start, inclusive, epoch ms. */
  readonly from: number;
  /** Latest start, exclusive, epoch ms. */
  readonly to: number;
  readonly status: 'final' | 'open' | 'all';
  readonly order: 'ascending' | 'descending';
  /** Only windows behind this one, in the order asked for. */
  readonly after?: Window | undefined;
  /** Most windows; infinity for all. */
  readonly limit: number;
  /** Leaves the rows of final windows out, where their partial aggregates do without. */
  readonly partialsOnly?: boolean;
}

/** What a reader works with. */
export interface ReaderTables {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
}

/**
 * Windows of a query by start. Open ones are merged from the pages as they are now. The order of the reads matters: the
 * registry, the pages, then the manifests, which are preferred (DESIGN section 5); so a window that becomes final
 * meanwhile is neither missed nor shown half.
 */
export async function readWindows(
  tables: ReaderTables,
  query: Query,
  range: WindowRange,
): Promise<readonly WindowView[]> {
  if (range.status === 'final') return (await readPanesIn(tables, query, range)).map((pane) => paneView(query, pane));
  if (query.window.sessions !== undefined) return readSessions(tables, query, range);
  const { closedThrough, finalizedThrough, buckets } = await readOpen(tables, query);
  const inRange = windowsOf(query, new Set(buckets.map((bucket) => bucket.slice))).filter(
    // What was final before the registry was read has its manifest, or is empty; slices of overlapping windows stay
    // registered longer.
    (window) =>
      window.closing > finalizedThrough &&
      window.start >= range.from &&
      window.start < range.to &&
      isBehind(window, range),
  );
  const sorted = inOrder(inRange, range);
  const open: WindowView[] = [];
  for (let from = 0; from < sorted.length && open.length < range.limit; from += range.limit) {
    const views = await openViews(tables, query, sorted.slice(from, from + range.limit), buckets, closedThrough);
    // A bucket may be registered for nothing: nobody has written to it yet, or its window had closed.
    open.push(...views.filter(({ records }) => records > 0));
  }
  const views = new Map(open.map((view) => [windowName(view), view]));
  if (range.status === 'open')
    for (const [name, pane] of await readHeads(tables, query, open)) prefer(views, name, pane, () => undefined);
  else
    for (const pane of await readPanesIn(tables, query, range))
      prefer(views, windowName(pane), pane, () => paneView(query, pane));
  return inOrder([...views.values()], range).slice(0, range.limit);
}

/**
 * The same for sessions, whose windows are known only when all that is open of the query is merged: the range then
 * chooses among them. A final pane is preferred to whatever of it was found open.
 */
async function readSessions(tables: ReaderTables, query: Query, range: WindowRange): Promise<readonly WindowView[]> {
  const found = await findSessions(tables.state, query);
  const panes = range.status === 'open' ? [] : await readPanesIn(tables, query, range);
  const live = found.besides(panes).flatMap(({ window: { start, end, partials, records }, status }): WindowView[] => {
    if (start < range.from || start >= range.to || !isBehind({ start, end }, range)) return [];
    return [
      {
        query: query.name,
        start,
        end,
        status,
        revision: null,
        finalizedAt: null,
        records,
        rows: sortedRows(query, partials),
        partials,
      },
    ];
  });
  const views = new Map(live.map((view) => [windowName(view), view]));
  if (range.status === 'open')
    for (const [name, pane] of await readHeads(tables, query, live)) prefer(views, name, pane, () => undefined);
  for (const pane of panes) prefer(views, windowName(pane), pane, () => paneView(query, pane));
  return inOrder([...views.values()], range).slice(0, range.limit);
}

/**
 * A final pane is what there is to see. One of an open window only numbers what was merged live, which shows every
 * record that was committed before.
 */
function prefer(
  views: Map<string, WindowView>,
  name: string,
  pane: PaneHead | Pane,
  viewOf: () => WindowView | undefined,
): void {
  const live = views.get(name);
  if (pane.status !== 'final' && live !== undefined) views.set(name, { ...live, revision: pane.revision });
  else {
    const view = viewOf();
    if (view === undefined) views.delete(name);
    else views.set(name, view);
  }
}

const windowName = ({ start, end }: Window) => `${start}/${end}`;

/** Whether a window comes after the one that the page before ended with. */
function isBehind(window: Window, { after, order }: WindowRange): boolean {
  if (after === undefined) return true;
  const distance = window.start - after.start || window.end - after.end;
  return order === 'ascending' ? distance > 0 : distance < 0;
}

function readPanesIn(
  { windows }: ReaderTables,
  query: Query,
  { from, to, order, limit, status, after, partialsOnly }: WindowRange,
): Promise<readonly Pane[]> {
  const range = {
    from,
    to,
    order,
    finalOnly: status === 'final',
    statesOnly: partialsOnly === true,
    ...(after === undefined ? {} : { after }),
  };
  return readPanes(windows, query, Number.isFinite(limit) ? { ...range, limit } : range);
}

/** The windows that start at a moment, final or live; none when nothing is known of them. */
export async function readWindow(tables: ReaderTables, query: Query, start: number): Promise<readonly WindowView[]> {
  return readWindows(tables, query, { from: start, to: start + 1, status: 'all', order: 'ascending', limit: 1000 });
}

async function readOpen({ state }: ReaderTables, query: Query) {
  const { closedThrough, finalizedThrough } = await readHorizon(state);
  const buckets = (await readRegistry(state)).filter((bucket) => bucket.query === query.name);
  return { closedThrough, finalizedThrough, buckets };
}

async function readHeads(
  { windows }: ReaderTables,
  query: Query,
  candidates: readonly Window[],
): Promise<readonly (readonly [string, PaneHead])[]> {
  const heads = await Promise.all(
    candidates.map(async (window) => [windowName(window), await readPaneHead(windows, query, window)] as const),
  );
  return heads.flatMap(([name, head]) => (head === undefined ? [] : [[name, head] as const]));
}

function openViews(
  { state }: ReaderTables,
  query: Query,
  windows: readonly ClosingWindow[],
  buckets: readonly RegisteredBucket[],
  closedThrough: number,
): Promise<readonly WindowView[]> {
  const bucketsOf = grouped(buckets, (bucket) => bucket.slice);
  // Windows share slices: each is read once.
  const read = new Map<number, Promise<readonly FoundPage[]>>();
  const pagesOf = (slice: number) => {
    const shardIds = [...new Set((bucketsOf.get(slice) ?? []).map((bucket) => bucket.shardId))];
    const pages =
      read.get(slice) ??
      Promise.all(shardIds.map((shardId) => readSlicePages(state, shardId, query, slice))).then((found) =>
        found.flat(),
      );
    read.set(slice, pages);
    return pages;
  };
  return Promise.all(
    windows.map(async (window) => {
      const { start, end, closing } = window;
      const found = await Promise.all(window.slices.filter((slice) => bucketsOf.has(slice)).map(pagesOf));
      const pages = found.flat().filter(({ closesAt }) => closesAt <= closing);
      const { partials, records } = mergeSlice(query, pages);
      const status = closing <= closedThrough ? 'closing' : 'open';
      return {
        query: query.name,
        start,
        end,
        status,
        revision: null,
        finalizedAt: null,
        records,
        rows: sortedRows(query, partials),
        partials,
      };
    }),
  );
}

/** A pane as readers see it. */
export function paneView(query: Query, pane: Pane): WindowView {
  const { start, end, revision, emittedAt, records, rows } = pane;
  const isFinal = pane.status === 'final';
  const status = isFinal ? 'final' : 'open';
  return {
    query: pane.query,
    start,
    end,
    status,
    revision,
    finalizedAt: isFinal ? emittedAt : null,
    records,
    rows,
    partials: partialsOf(query, pane),
  };
}

function inOrder<W extends Window>(windows: readonly W[], { order }: WindowRange): readonly W[] {
  const ascending = [...windows].sort((left, right) => left.start - right.start || left.end - right.end);
  return order === 'ascending' ? ascending : ascending.reverse();
}
