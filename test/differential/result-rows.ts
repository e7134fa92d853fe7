import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import type { Row } from '../../functions/core/results/row.ts';
import type { ResultRow } from './answer.ts';

/** A window as both the static engine and a reader of the tables give it. */
interface ResultWindow {
  readonly query: string;
  readonly start: number;
  readonly end: number;
  readonly rows: readonly Row[];
}

/** The rows of Tidemark's windows. */
export function resultRows({ queries }: Pipeline, windows: readonly ResultWindow[]): readonly ResultRow[] {
  const endless = queries.filter(({ definedKind }) => definedKind.isEndless === true).map(({ name }) => name);
  return windows.flatMap(({ query, start, end, rows }) =>
    rows.map(({ key, values, grouping = 0 }) => ({
      query,
      start: endless.includes(query) ? 0 : start,
      end: endless.includes(query) ? 0 : end,
      grouping,
      key,
      values,
    })),
  );
}
