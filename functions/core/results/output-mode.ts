import type { Json } from '../aggregates/index.ts';
import type { Window } from '../windows/window.ts';
import type { Row } from './row.ts';

/**
 * What goes out of a query's results, as Spark names it ("Output Modes" in the Structured Streaming guide): `append`:
 * the rows of final windows, once; `update`: the rows that a pane has changed; `complete`: the whole table at each
 * pane.
 */
export const outputModes = ['append', 'update', 'complete'] as const;

/** One of {@link outputModes}. */
export type OutputMode = (typeof outputModes)[number];

/** What an output mode looks at of a pane. */
export interface OutputPane extends Window {
  /** `final` for good; anything else may be followed by another pane. */
  readonly status: string;
  /** Counts the panes of a window from 0. */
  readonly revision: number;
  readonly rows: readonly Row[];
}

/** A pane that was emitted, and what it was emitted into. */
export interface Emission<Pane extends OutputPane> {
  readonly pane: Pane;
  /**
   * The pane of the same window that went out before it. Undefined: there is none, or it is not known any more; then
   * every row counts as changed, which an `update` may say of a row that is as it was, and an `append` as a first final
   * pane, so that the receiver has to know it by (query, window, revision).
   */
  readonly before: OutputPane | undefined;
  /** The visible panes of the query's windows, for `complete` alone; the pane itself may be among them or not yet. */
  readonly table: Iterable<Pane>;
}

/**
 * What goes out when a pane is emitted: panes of the windows that have rows to send, each with those rows alone.
 *
 * - `append`: the first final pane of a window, with all its rows. Open windows send nothing, and neither does a
 *   correction of a final one: who needs those
 *   takes another mode.
 * - `update`: the pane with the rows that are new or other than in the pane before. Each is to take the place of the
 *   row of its window and key: rows never
 *   vanish from a window, so all that went out, put over one another in order, is the whole table. Nothing when no row changed, though the window may have
 *   become final by it.
 * - `complete`: all windows of the table by start and end, the pane in the place of its window.
 *
 * A pane that another of its window has overtaken (its revision is not above the one before it) sends nothing, and
 * never takes a newer one's place.
 */
export function outputOf<Pane extends OutputPane>(
  mode: OutputMode,
  { pane, before, table }: Emission<Pane>,
): readonly Pane[] {
  switch (mode) {
    case 'append':
      return pane.status === 'final' && before?.status !== 'final' ? [pane] : [];
    case 'update': {
      const rows = changedRows(pane, before);
      return rows.length === 0 ? [] : [rows.length === pane.rows.length ? pane : { ...pane, rows }];
    }
    case 'complete':
      return before !== undefined && before.revision >= pane.revision ? [] : wholeTable(table, pane);
  }
}

/** The rows of a pane that are not in the one before it as they are now. */
export function changedRows(pane: OutputPane, before: OutputPane | undefined): readonly Row[] {
  if (before === undefined) return pane.rows;
  if (before.revision >= pane.revision) return [];
  const standing = new Map(before.rows.map((row) => [rowName(row), row.values]));
  return pane.rows.filter((row) => {
    const values = standing.get(rowName(row));
    return values === undefined || !isSame(values, row.values);
  });
}

function wholeTable<Pane extends OutputPane>(table: Iterable<Pane>, pane: Pane): readonly Pane[] {
  const latest = new Map<string, Pane>([[windowName(pane), pane]]);
  for (const other of table) {
    const held = latest.get(windowName(other));
    if (held === undefined || held.revision < other.revision) latest.set(windowName(other), other);
  }
  return [...latest.values()].sort((left, right) => left.start - right.start || left.end - right.end);
}

const windowName = ({ start, end }: Window) => `${start}/${end}`;

/** By the names of its fields in one order: a total lacks fields, and a store may give them back in another order. */
const rowName = ({ key }: Row) =>
  JSON.stringify(Object.entries(key).sort(([left], [right]) => (left < right ? -1 : 1)));

/** Whether two results are the same, whatever the order in which a store gives back the members of an object. */
function isSame(left: Json, right: Json): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right))
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((value, i) => isSame(value, right[i] ?? null))
    );
  const [a, b] = [left as Readonly<Record<string, Json>>, right as Readonly<Record<string, Json>>];
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name] ?? null, b[name] ?? null))
  );
}
