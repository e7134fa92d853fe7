import type { WindowJson } from '../../functions/api/window-json.ts';
import { isoTime } from '../../functions/core/events/event-time.ts';
import { flatRow } from '../../functions/core/fold/window-result.ts';
import type { QueryJson } from '../deployment/api-client.ts';

/** A row of a window with all its known properties, as a table of a database has it. Times are ISO 8601. */
export type FlatRow = Readonly<Record<string, unknown>>;

/**
 * The columns that every window has; group-by fields and aggregates have other names
 * (functions/core/definition/pipeline.ts).
 */
export const commonColumns = ['window_start', 'window_end', 'status', 'revision', 'records', 'finalized_at'] as const;

/** All columns of a query's rows, in order. */
export function columnsOf({ groupBy, hasTotals, aggregates }: QueryJson): readonly string[] {
  return [...commonColumns, ...groupBy, ...(hasTotals ? ['grouping'] : []), ...Object.keys(aggregates)];
}

export function flatRows(windows: readonly WindowJson[]): readonly FlatRow[] {
  return windows.flatMap(({ start, end, status, revision, records, finalizedAt, rows }) =>
    rows.map((row) => ({
      window_start: isoTime(start),
      window_end: isoTime(end),
      status,
      revision,
      records,
      finalized_at: finalizedAt === null ? null : isoTime(finalizedAt),
      ...flatRow(row),
    })),
  );
}
