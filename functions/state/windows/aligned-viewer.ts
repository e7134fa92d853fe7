import { grouped } from '../../core/definition/grouped.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import { type ClosingWindow, sortedRows, windowsOf } from '../../core/fold/window-result.ts';
import { readHorizon } from '../items/horizon.ts';
import { type FoundPage, readSlicePages } from '../items/page.ts';
import { type RegisteredBucket, readRegistry } from '../items/registry.ts';
import { mergeSlice } from './merged-slice.ts';
import { readPanes } from './pane-reader.ts';
import {
  inOrder,
  isBehind,
  paneView,
  prefer,
  type ReaderTables,
  readHeads,
  readPanesIn,
  type WindowRange,
  type WindowView,
  type WindowViewer,
  windowName,
} from './window-view.ts';

/** The windows of kinds whose windows follow from time alone. */
export const alignedViewer: WindowViewer = {
  mayGetMore: false,
  live: readLive,
  async finals({ windows }, query, { range: { from, to, limit }, closedBy, after }) {
    // All windows of such a kind that begin later end later. So the order of starts and ends is that of closings.
    const range = { from, to, limit, order: 'ascending', finalOnly: true } as const;
    const panes = await readPanes(windows, query, after === undefined ? range : { ...range, after });
    const beyond = panes.findIndex(({ end }) => end + query.latenessMs > closedBy);
    return (beyond < 0 ? panes : panes.slice(0, beyond)).map((pane) => paneView(query, pane));
  },
};

async function readLive(tables: ReaderTables, query: Query, range: WindowRange): Promise<readonly WindowView[]> {
  const { closedThrough, finalizedThrough, buckets } = await readOpen(tables, query);
  const inRange = windowsOf(query, new Set(buckets.map((bucket) => bucket.slice))).filter(
    // A window that was final before the registry was read has its manifest, or is empty. Slices of overlapping windows
    // stay registered longer.
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
    // A bucket may be registered without records: nobody has written to it yet, or its window had closed.
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

async function readOpen({ state }: ReaderTables, query: Query) {
  const { closedThrough, finalizedThrough } = await readHorizon(state);
  const buckets = (await readRegistry(state)).filter((bucket) => bucket.query === query.name);
  return { closedThrough, finalizedThrough, buckets };
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
