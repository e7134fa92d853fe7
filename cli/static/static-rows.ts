import type { Pipeline, Query } from '../../functions/core/definition/pipeline.ts';
import type { StaticWindow } from '../../functions/core/static/static-run.ts';
import type { ResultRow } from '../print/result-table.ts';

/**
 * The status of the windows that are a query's answer when all input is there. It is the final windows. Where no window
 * ever ends (`global()`), it is the open ones too.
 */
export function statusAtEnd({ definedKind }: Pick<Query, 'definedKind'>): 'final' | 'all' {
  return definedKind.isEndless === true ? 'all' : 'final';
}

/** The rows of the static query's windows, with the status that they have in the stream at its end. */
export function staticRows(
  { queries }: Pick<Pipeline, 'queries'>,
  windows: readonly StaticWindow[],
): readonly ResultRow[] {
  const endless = new Set(queries.filter(({ definedKind }) => definedKind.isEndless === true).map(({ name }) => name));
  return windows.flatMap(({ query, start, end, rows }) => {
    const state = endless.has(query) ? { status: 'open', revision: null } : { status: 'final', revision: 0 };
    return rows.map((row) => ({ ...row, query, start, end, ...state }));
  });
}
