import type { Pipeline, Query } from '../../core/definition/pipeline.ts';
import { type KeyText, keyValues } from '../../core/events/group-key.ts';
import type { Partials } from '../../core/fold/partial.ts';
import type { Row } from '../../core/results/row.ts';
import type { Window } from '../../core/windows/window.ts';
import type { Table } from '../table/table.ts';
import type { Pane, PaneHead } from './pane.ts';
import { readPaneHead, readPanes } from './pane-reader.ts';
import { partialsOf } from './pane-rows.ts';

/** A window as a reader sees it. */
export interface WindowView extends Window {
  readonly query: string;
  /**
   * `open` while records may still come, `closing` when none may come but the window is not emitted yet, `final` for
   * ever after.
   */
  readonly status: 'open' | 'closing' | 'final';
  /** The revision of the last pane; null before the first. */
  readonly revision: number | null;
  /** When the final pane was written, epoch ms; null before it. */
  readonly finalizedAt: number | null;
  readonly records: number;
  readonly rows: readonly Row[];
  /** The partial aggregates of the rows, to be merged with those of other windows. */
  readonly partials: Partials;
  /**
   * The clock of the epoch that an open window is as of, epoch ms, where more has come since than a request reads.
   * Absent: every batch that was added before the read is in it.
   */
  readonly asOf?: number;
  /**
   * Whether only one of several lanes was read, for one key: the records of the whole window are not known then, and
   * `records` counts nothing. Absent: they are.
   */
  readonly isOneLane?: true;
}

/** Which windows a reader asks for. */
export interface WindowRange {
  /** Earliest start, inclusive, epoch ms. */
  readonly from: number;
  /** Latest start, exclusive, epoch ms. */
  readonly to: number;
  readonly status: 'final' | 'open' | 'all';
  readonly order: 'ascending' | 'descending';
  /** Only windows behind this one, in the order of the request. */
  readonly after?: Window | undefined;
  /** Most windows; infinity for all of them. */
  readonly limit: number;
  /** Leaves out the rows of final windows where their partial aggregates are enough. */
  readonly partialsOnly?: boolean;
  /**
   * The one key whose rows are wanted. Of open windows only the lane of that key is read, and only its row is given.
   * @default all keys
   */
  readonly key?: KeyText;
  /**
   * The one key whose rows are wanted of windows that are stored: of a large one, one part of one lane is read. Open
   * windows are given whole, with all their records. {@link key} says the same of stored windows.
   * @default all keys
   */
  readonly storedKey?: KeyText;
}

/** A range of windows by start, epoch ms: `[from, to)`; and most windows in one answer. */
export interface FeedRange {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

/**
 * The reader's view of the windows of a query, by its kind: one for windows that time alone makes, one for sessions.
 */
export interface WindowViewer {
  /** Windows by start: only the open ones, or all of them. Final windows alone are read without it. */
  live(tables: ReaderTables, query: Query, range: WindowRange): Promise<readonly WindowView[]>;
  /** Whether windows may still begin among those that are final. */
  readonly mayGetMore: boolean;
}

/** The pipeline and the tables that a reader works with. */
export interface ReaderTables {
  readonly pipeline: Pipeline;
  readonly state: Table;
  readonly windows: Table;
}

/**
 * Puts the stored pane of a window into the views. A final pane replaces the live window. A pane of an open window only
 * gives its revision to the live one, which shows every record that was in its log before.
 */
export function prefer(
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

export const windowName = ({ start, end }: Window) => `${start}/${end}`;

/** Whether a window comes after the one that the page before ended with. */
export function isBehind(window: Window, { after, order }: WindowRange): boolean {
  if (after === undefined) return true;
  const distance = window.start - after.start || window.end - after.end;
  return order === 'ascending' ? distance > 0 : distance < 0;
}

export function readPanesIn(
  { windows }: ReaderTables,
  query: Query,
  { from, to, order, limit, status, after, partialsOnly, key: liveKey, storedKey = liveKey }: WindowRange,
): Promise<readonly Pane[]> {
  const range = {
    from,
    to,
    order,
    finalOnly: status === 'final',
    statesOnly: partialsOnly === true,
    ...(after === undefined ? {} : { after }),
    ...(storedKey === undefined ? {} : { key: keyFields(query, storedKey) }),
  };
  return readPanes(windows, query, Number.isFinite(limit) ? { ...range, limit } : range);
}

/** The fields of a key by name, as a row has them. */
function keyFields({ groupBy }: Query, key: KeyText): Row['key'] {
  const values = keyValues(key);
  return Object.fromEntries(groupBy.map((name, i) => [name, values[i] ?? null]));
}

export async function readHeads(
  { windows }: ReaderTables,
  query: Query,
  candidates: readonly Window[],
): Promise<readonly (readonly [string, PaneHead])[]> {
  const heads = await Promise.all(
    candidates.map(async (window) => [windowName(window), await readPaneHead(windows, query, window)] as const),
  );
  return heads.flatMap(([name, head]) => (head === undefined ? [] : [[name, head] as const]));
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

export function inOrder<W extends Window>(windows: readonly W[], { order }: WindowRange): readonly W[] {
  const ascending = [...windows].sort((left, right) => left.start - right.start || left.end - right.end);
  return order === 'ascending' ? ascending : ascending.reverse();
}
