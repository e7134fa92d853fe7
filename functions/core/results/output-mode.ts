import type { Json } from '../aggregates/index.ts';
import type { Window } from '../windows/window.ts';
import type { Row } from './row.ts';

/**
 * The parts of a query's results that go out, as Spark names them ("Output Modes" in the Structured Streaming guide).
 * `append`: the rows of final windows, once. `update`: the rows that a pane has changed. `complete`: the whole table at
 * each pane.
 */
export const outputModes = ['append', 'update', 'complete'] as const;

/**
 * The part of a query's results that goes out. `append`: the rows of final windows, once. `update`: the rows that a pane
 * has changed. `complete`: the whole table at each pane.
 */
export type OutputMode = (typeof outputModes)[number];

/** The members of a pane that output modes use. */
export interface OutputPane extends Window {
  /** `final` for good; after any other status another pane may follow. */
  readonly status: string;
  /** The number of the pane among those of its window, from 0. */
  readonly revision: number;
  readonly rows: readonly Row[];
}

/** A pane that was emitted, with the state of the results that it was emitted into. */
export interface Emission<Pane extends OutputPane> {
  readonly pane: Pane;
  /**
   * The pane of the same window that went out before it. Undefined: there is none, or it is not known any more. Then
   * every row counts as changed. An `update` may then send a row that is as it was, and an `append` may send a pane as
   * the first final one. So the receiver has to know a pane by (query, window, revision).
   */
  readonly before: OutputPane | undefined;
  /** The visible panes of the query's windows, for `complete` alone. The pane itself may be among them, or not yet. */
  readonly table: Iterable<Pane>;
}

/**
 * The output for a pane that is emitted: panes of the windows that have rows to send, each with those rows alone.
 *
 * - `append`: the first final pane of a window, with all its rows. Open windows send nothing. A correction of a final
 *   window sends nothing either: another mode sends it.
 * - `update`: the pane with the rows that are new or different from the pane before. Each takes the place of the row of
 *   its window and key. Rows never vanish from a window. So all rows that went out, put over one another in order, are
 *   the whole table. Nothing is sent when no row changed, though the window may have become final by it.
 * - `complete`: all windows of the table by start and end, with the pane in the place of its window.
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

/** The rows of a pane that the pane before does not have in the same form. */
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

/**
 * The name of a row: the names of its fields in one order. A total lacks fields, and a store may give fields back in
 * another order.
 */
const rowName = ({ key }: Row) =>
  JSON.stringify(Object.entries(key).sort(([left], [right]) => (left < right ? -1 : 1)));

/** Whether two results are the same. A store may give back the members of an object in any order. */
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
