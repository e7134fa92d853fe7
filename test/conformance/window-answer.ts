import type { Row } from '../../functions/core/results/row.ts';
import type { WindowView } from '../../functions/state/windows/window-view.ts';
import type { Json, JsonObject } from './json.ts';
import { type Member, membersOf } from './members.ts';
import type { EmittedPane } from './play.ts';
import type { WindowShape } from './shape.ts';
import type { Vector } from './vector.ts';
import { ownColumns } from './vector-pipeline.ts';

/** A row of a window: a result, in the terms of the peers. */
export interface WindowRow {
  readonly window: WindowView;
  readonly row: Row;
  /** The timing of its pane, where windows have several. */
  readonly timing?: string;
}

/** The rows of windows. For a peer without negative starts, windows with a negative start are left out. */
export function rowsOf({ window: kind }: Vector, windows: readonly WindowView[]): readonly WindowRow[] {
  return windows
    .filter(({ start }) => kind?.['noNegativeStart'] !== true || start >= 0)
    .flatMap((window) => window.rows.map((row) => ({ window, row })));
}

/** The rows of a pane. */
export function paneRows(vector: Vector, { view, timing }: EmittedPane): readonly WindowRow[] {
  return rowsOf(vector, [view]).map((row) => ({ ...row, timing }));
}

/** The records of a row, in the order of their arrival. */
export function membersIn({ row }: WindowRow): readonly Member[] {
  return membersOf(row.values[ownColumns.members]);
}

/**
 * A row in the form that a vector asks for.
 * @param offset the one that its window lies at, ms; undefined: the vector says nothing of it
 */
export function windowAnswer(
  vector: Vector,
  { fields, aggregates }: WindowShape,
  shown: WindowRow,
  offset: number | undefined,
): JsonObject {
  const answer = (field: string): Json => {
    if (field === 'aggregates') return results(aggregates, shown);
    return field === 'offset' && !vector.groupBy.includes(field) ? (offset ?? null) : fieldOf(vector, field, shown);
  };
  return Object.fromEntries(fields.map((field) => [field, answer(field)]));
}

function fieldOf(vector: Vector, field: string, shown: WindowRow): Json {
  const { window, row } = shown;
  switch (field) {
    case 'start':
      return window.start;
    case 'end':
      return vector.window?.['endInclusive'] === true ? window.end - Number(vector.window['gap']) : window.end;
    case 'values':
      return membersIn(shown)
        .map(([, element]) => element)
        .sort((left, right) => Number(left) - Number(right));
    case 'index':
      return window.revision;
    case 'timing':
      return timingOf(shown);
    case 'first':
      return window.revision === 0;
    case 'final':
      return window.status === 'final';
    case 'outputTime':
      return vector.outputTime === 'latest' ? (row.values[ownColumns.latestTime] ?? null) : window.end - 1;
    case 'time':
      return vector.window?.['type'] === 'none' ? window.start : (row.key[field] ?? null);
    default:
      return row.key[field] ?? null;
  }
}

/** The timing of a row. Without lateness every window has one pane, the final one, emitted when its end is passed. */
export function timingOf({ window: { status }, timing }: WindowRow): string {
  return timing ?? (status === 'final' ? 'on-time' : 'early');
}

function results(aggregates: readonly string[], shown: WindowRow): JsonObject {
  return Object.fromEntries(
    aggregates.map((name) => [name, name === 'concat' ? concat(shown) : (shown.row.values[name] ?? null)]),
  );
}

/** The result of Kafka Streams' test aggregator: "0", then each value in the order of arrival. */
function concat(shown: WindowRow): string {
  return ['0', ...membersIn(shown).map(([, element]) => String(element))].join('+');
}

/** The rows that are missing, or different, among the earlier ones. */
export function changedRows(before: readonly WindowRow[], after: readonly WindowRow[]): readonly WindowRow[] {
  const text = ({ window, row }: WindowRow) =>
    JSON.stringify([window.query, window.start, window.end, row.key, row.values]);
  const known = new Set(before.map(text));
  return after.filter((row) => !known.has(text(row)));
}
