import type { Query } from '../core/definition/pipeline.ts';
import { flatRow, rowColumns } from '../core/fold/window-result.ts';
import type { Row } from '../core/results/row.ts';
import type { KeptPane, PaneStatus } from '../state/windows/pane.ts';
import { type SpanJson, spanJson, timed } from './time-json.ts';
import { matchingRows } from './window-json.ts';

/** A pane of a window as the API shows it. Times are epoch ms, with the same in ISO 8601 beside them. */
export interface RevisionJson extends SpanJson {
  readonly query: string;
  readonly status: PaneStatus;
  readonly revision: number;
  readonly emittedAt: number | null;
  readonly emittedAtTime: string | null;
  readonly records: number;
  readonly rows: readonly Row[];
}

/** The pane with those of its rows that have the values of `key`. */
export function revisionJson(pane: KeptPane, key: Readonly<Record<string, unknown>>): RevisionJson {
  const { query, status, revision, writtenAt, records, rows } = pane;
  return {
    query,
    ...spanJson(pane),
    status,
    revision,
    ...timed('emittedAt', 'emittedAtTime', writtenAt),
    records,
    rows: matchingRows(rows, key),
  };
}

/** The columns of a query's revisions, a row each. */
export function revisionColumns(query: Query): readonly string[] {
  return [
    'query',
    'start',
    'startTime',
    'end',
    'endTime',
    'status',
    'revision',
    'emittedAt',
    'emittedAtTime',
    ...rowColumns(query),
  ];
}

export function revisionRows({
  rows,
  records: _records,
  ...head
}: RevisionJson): readonly Readonly<Record<string, unknown>>[] {
  return rows.map((row) => ({ ...head, ...flatRow(row) }));
}
