import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { type Partials, rowOf } from '../../core/fold/partial.ts';
import { type ClosingWindow, sortedRows, windowsOf, withGrouping } from '../../core/fold/window-result.ts';
import type { Table } from '../table/table.ts';
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
  windowName,
} from '../windows/window-view.ts';
import { leastSlice } from './emit.ts';
import { epochViewer, type LiveViews } from './epoch-viewer.ts';
import { leastEpoch, readOpenSlices, windowContents } from './open-slices.ts';
import { type OpenState, readOpenState } from './open-state.ts';
import { firstSlice, lanesOfKey } from './segment.ts';

/** The windows of kinds whose windows follow from time alone. */
export const alignedViewer = epochViewer({ mayGetMore: false, liveViews: readLive });

async function readLive(tables: ReaderTables, query: Query, range: WindowRange): Promise<LiveViews> {
  const open = await readOpenState(tables.state, query);
  const found: WindowView[] = [];
  for await (const views of openViews(tables, query, open, range)) {
    found.push(...views);
    if (found.length >= range.limit) break;
  }
  const views = new Map(found.map((view) => [windowName(view), view]));
  // Manifests are read after all else: a window that was emitted meanwhile is there, and preferred.
  if (range.status === 'open')
    for (const [name, pane] of await readHeads(tables, query, found)) prefer(views, name, pane, () => undefined);
  else
    for (const pane of await readPanesIn(tables, query, range))
      prefer(views, windowName(pane), pane, () => paneView(query, pane));
  const { asOf, heldBy } = open;
  return { views: inOrder([...views.values()], range).slice(0, range.limit), asOf, heldBy };
}

/** Widths of the first stretch of starts that is read, in usual slices for each window asked for. */
const slicesPerWindow = 2;

/**
 * The windows that hold something and were not emitted when the state was read, in order: stretch by stretch, each
 * twice as long as the one before, so that a page of windows is not paid for with all that are open.
 */
async function* openViews(
  { state }: ReaderTables,
  query: Query,
  open: OpenState,
  range: WindowRange,
): AsyncGenerator<readonly WindowView[]> {
  const { after, order, limit } = range;
  let from = Math.max(range.from, await leastStart(state, query, open, range.key));
  let to = Math.min(range.to, open.maxEventTime + 1);
  if (after !== undefined && order === 'ascending') from = Math.max(from, after.start);
  if (after !== undefined && order === 'descending') to = Math.min(to, after.start + 1);
  let width = Math.max(query.window.sliceMs, 1) * slicesPerWindow * limit;
  while (from < to) {
    const stretch =
      order === 'ascending' ? { from, to: Math.min(to, from + width) } : { from: Math.max(from, to - width), to };
    yield await viewsIn(state, query, open, range, stretch);
    if (order === 'ascending') from = stretch.to;
    else to = stretch.from;
    width *= 2;
  }
}

/** A moment before which no window starts that is not emitted, epoch ms; infinity: there is none at all. */
async function leastStart(
  state: Table,
  query: Query,
  { section, emitted, lanes, tails }: OpenState,
  key: KeyText | undefined,
): Promise<number> {
  const { definedKind } = query;
  if (definedKind.isEndless) return definedKind.sliceOf(0);
  const known = leastSlice(query, emitted.closedThrough);
  if (known !== undefined) return known;
  // Nothing is closed yet: what came first may be of any time.
  const firsts = await Promise.all(lanesOfKey(section, lanes, key).map((lane) => firstSlice(state, lane)));
  let least = Number.POSITIVE_INFINITY;
  for (const slice of firsts) least = Math.min(least, slice ?? least);
  for (const { slice } of tails) least = Math.min(least, slice);
  if (least === Number.POSITIVE_INFINITY) return least;
  // Of the windows that hold it, the one that ends first starts first.
  const starts = definedKind.emit(Math.min(...definedKind.closings(least))).map(({ start }) => start);
  return Math.min(least, ...starts);
}

/** The windows that start in a stretch. */
async function viewsIn(
  state: Table,
  query: Query,
  open: OpenState,
  range: WindowRange,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly WindowView[]> {
  const { definedKind } = query;
  // No window that starts before `to` ends behind the last one that holds the moment before it.
  const lastEnd = Math.max(...definedKind.closings(definedKind.sliceOf(to - 1)));
  const slices = await readOpenSlices(state, open, { from, to: lastEnd - 1 }, range.key);
  const windows = windowsOf(query, slices.keys()).filter(
    (window) =>
      window.closing > open.emitted.closedThrough &&
      window.start >= from &&
      window.start < to &&
      isBehind(window, range),
  );
  const isGathered = ({ closing }: ClosingWindow) => closing <= open.gathered.closedThrough;
  const epochs = windows.some(isGathered) ? await open.epochs(leastEpoch(slices)) : [];
  const contentOf = windowContents(query, open, slices, epochs);
  const isOneLane = range.key !== undefined && open.lanes > 1;
  const views: WindowView[] = [];
  for (const window of inOrder(windows, range)) {
    if (views.length >= range.limit) break;
    const { partials, records } = contentOf(window);
    // Which records are of one lane of several nobody knows, but it has none of a window of which it has no key.
    if (isOneLane ? partials.size === 0 : records === 0) continue;
    views.push({
      query: query.name,
      start: window.start,
      end: window.end,
      // Every log is cut behind all that a window of a gathered epoch takes.
      status: isGathered(window) ? 'closing' : 'open',
      revision: null,
      finalizedAt: null,
      records: isOneLane ? 0 : records,
      ...rowsAndPartials(query, partials, range.key),
      ...(isOneLane ? { isOneLane } : {}),
      ...(open.asOf === undefined ? {} : { asOf: open.asOf }),
    });
  }
  return views;
}

/** The rows of a window, or of one key of it. */
function rowsAndPartials(query: Query, all: Partials, key: KeyText | undefined): Pick<WindowView, 'rows' | 'partials'> {
  if (key === undefined) return { rows: sortedRows(query, all), partials: all };
  const partial = all.get(key);
  // Totals add up all keys: there are none of one.
  return partial === undefined
    ? { rows: [], partials: new Map() }
    : { rows: [withGrouping(query, rowOf(query, key, partial))], partials: new Map([[key, partial]]) };
}
