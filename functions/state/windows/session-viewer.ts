import type { Query } from '../../core/definition/pipeline.ts';
import { sortedRows } from '../../core/fold/window-result.ts';
import { sessionRule } from '../../core/sessions/join.ts';
import type { Window } from '../../core/windows/window.ts';
import { readPanes } from './pane-reader.ts';
import { findSessions } from './session-reader.ts';
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

/** Sessions, which follow from the records of each key. */
export const sessionViewer: WindowViewer = {
  /** Another key's session may begin amid the final ones or beside them. */
  mayGetMore: true,
  live: readLive,
  /**
   * Final sessions by end and start. A session that begins earlier may end much later. No key has that order, so all
   * final sessions of the range are read. A reader that polls gives a `from` that moves along.
   */
  async finals({ windows }, query, { range: { from, to, limit }, closedBy, after }) {
    const { gapMs, closingOf } = sessionRule(query);
    const panes = await readPanes(windows, query, { from, to, order: 'ascending', finalOnly: true });
    const order = (left: Window, right: Window) => left.end - right.end || left.start - right.start;
    return panes
      .filter((pane) => closingOf(pane.end - gapMs) <= closedBy && (after === undefined || order(pane, after) > 0))
      .sort(order)
      .slice(0, limit)
      .map((pane) => paneView(query, pane));
  },
};

/**
 * Sessions by start. Their windows are known only when everything open of the query is merged. The range then chooses
 * among them. A final pane is preferred to the open session of the same window.
 */
async function readLive(tables: ReaderTables, query: Query, range: WindowRange): Promise<readonly WindowView[]> {
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
