import type { Query } from '../../core/definition/pipeline.ts';
import { paneView, type ReaderTables, readPanesIn, type WindowRange, type WindowView } from '../windows/window-view.ts';
import { alignedViewer } from './aligned-viewer.ts';
import type { EpochViewer, LiveViews } from './epoch-viewer.ts';
import { sessionViewer } from './session-viewer.ts';

/** The viewer of a query's windows, by its kind. */
export function viewerOf({ window }: Query): EpochViewer {
  return window.sessions === undefined ? alignedViewer : sessionViewer;
}

/**
 * Windows of a query by start. Open ones are merged from segments and tails as they are now. The order of the reads
 * matters: registrations, gathered, tails, then the manifests, which are preferred (DESIGN 4.4). So a window that
 * becomes final meanwhile is neither missed nor shown half, and no read goes back behind one that ended before it
 * began.
 */
export async function readWindows(
  tables: ReaderTables,
  query: Query,
  range: WindowRange,
): Promise<readonly WindowView[]> {
  return (await readLiveWindows(tables, query, range)).views;
}

/** As {@link readWindows}, with how far the open windows go. */
export async function readLiveWindows(tables: ReaderTables, query: Query, range: WindowRange): Promise<LiveViews> {
  if (range.status === 'final')
    return {
      views: (await readPanesIn(tables, query, range)).map((pane) => paneView(query, pane)),
      asOf: undefined,
      heldBy: 0,
    };
  return viewerOf(query).liveViews(tables, query, range);
}

/**
 * The windows that start at a moment, final or live; none when nothing is known of them.
 * @param one the one key whose rows are wanted of stored windows; all keys unless told
 */
export async function readWindow(
  tables: ReaderTables,
  query: Query,
  start: number,
  one: Pick<WindowRange, 'storedKey'> = {},
): Promise<readonly WindowView[]> {
  const at = { from: start, to: start + 1, status: 'all', order: 'ascending', limit: 1000 } as const;
  return readWindows(tables, query, { ...at, ...one });
}
