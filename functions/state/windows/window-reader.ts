import type { Query } from '../../core/definition/pipeline.ts';
import { alignedViewer } from './aligned-viewer.ts';
import { sessionViewer } from './session-viewer.ts';
import {
  paneView,
  type ReaderTables,
  readPanesIn,
  type WindowRange,
  type WindowView,
  type WindowViewer,
} from './window-view.ts';

/** The viewer of a query's windows, by its kind. */
export function viewerOf({ window }: Query): WindowViewer {
  return window.sessions === undefined ? alignedViewer : sessionViewer;
}

/**
 * Windows of a query by start. Open ones are merged from the pages as they are now. The order of the reads matters: the
 * registry, the pages, then the manifests, which are preferred (DESIGN section 5). So a window that becomes final
 * meanwhile is neither missed nor shown half.
 */
export async function readWindows(
  tables: ReaderTables,
  query: Query,
  range: WindowRange,
): Promise<readonly WindowView[]> {
  if (range.status === 'final') return (await readPanesIn(tables, query, range)).map((pane) => paneView(query, pane));
  return viewerOf(query).live(tables, query, range);
}

/** The windows that start at a moment, final or live; none when nothing is known of them. */
export async function readWindow(tables: ReaderTables, query: Query, start: number): Promise<readonly WindowView[]> {
  return readWindows(tables, query, { from: start, to: start + 1, status: 'all', order: 'ascending', limit: 1000 });
}
