import type { Query } from '../core/definition/pipeline.ts';
import { flatRow, rowColumns } from '../core/fold/window-result.ts';
import type { Row } from '../core/results/row.ts';
import type { WindowView } from '../state/windows/window-view.ts';
import { type SpanJson, spanJson, timed } from './time-json.ts';

/** A window as the API shows it, without its rows. Times are epoch ms, with the same in ISO 8601 beside them. */
export interface WindowHeadJson extends SpanJson {
  readonly query: string;
  readonly status: 'open' | 'closing' | 'final';
  readonly revision: number | null;
  readonly finalizedAt: number | null;
  readonly finalizedAtTime: string | null;
  readonly records: number;
  /** When the records that an open window has were gathered; null: it has all that were added before the request. */
  readonly asOf: number | null;
  readonly asOfTime: string | null;
}

/** A window as the API shows it. */
export interface WindowJson extends WindowHeadJson {
  readonly rows: readonly Row[];
}

export function windowHead(view: WindowView): WindowHeadJson {
  const { query, status, revision, finalizedAt, records, asOf } = view;
  return {
    query,
    ...spanJson(view),
    status,
    revision,
    ...timed('finalizedAt', 'finalizedAtTime', finalizedAt),
    records,
    ...timed('asOf', 'asOfTime', asOf),
  };
}

/** The window with those of its rows that have the values of `key`. */
export function windowJson(view: WindowView, key: Readonly<Record<string, unknown>>): WindowJson {
  return { ...windowHead(view), rows: matchingRows(view.rows, key) };
}

/** The rows that have the values of `key`. */
export function matchingRows(rows: readonly Row[], key: Readonly<Record<string, unknown>>): readonly Row[] {
  const wanted = Object.entries(key);
  return wanted.length === 0 ? rows : rows.filter((row) => wanted.every(([name, value]) => row.key[name] === value));
}

/**
 * The columns of a query's windows, a row each. A group-by field and an aggregate have names that no other column has.
 */
export function windowColumns(query: Query): readonly string[] {
  return ['query', 'start', 'startTime', 'end', 'endTime', 'status', 'revision', ...rowColumns(query)];
}

export function windowRows({
  rows,
  records: _records,
  finalizedAt: _at,
  finalizedAtTime: _time,
  asOf: _asOf,
  asOfTime: _asOfTime,
  ...head
}: WindowJson): readonly Readonly<Record<string, unknown>>[] {
  return rows.map((row) => ({ ...head, ...flatRow(row) }));
}
