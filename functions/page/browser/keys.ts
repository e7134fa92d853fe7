import { numbersIn, rankOf } from '../../core/results/result-view.ts';
import type { ShownRow, ShownWindow } from './api.ts';
import { keyLabel } from './format.ts';

/** A key of the query in the windows that are shown: one series of the chart. */
export interface Series {
  /** JSON of the key, which tells it from others. */
  readonly id: string;
  readonly label: string;
  /** The aggregate by window, in the order of the windows; null where the window lacks the key. */
  readonly values: readonly (number | null)[];
}

/** Most lines that people can tell apart. */
const mostSeries = 8;

/**
 * The keys of some windows with the greatest sums of an aggregate, in the order of their names, and the number of all
 * keys.
 */
export function seriesOf(
  windows: readonly ShownWindow[],
  aggregate: string,
): { readonly series: readonly Series[]; readonly keys: number } {
  const byId = new Map<string, { readonly label: string; readonly values: (number | null)[] }>();
  // Of a rollup or cube only the groups: its totals lack fields, and would stand beside the groups that they add up.
  const fields = Math.max(0, ...windows.flatMap(({ rows }) => rows.map(({ key }) => Object.keys(key).length)));
  for (const [i, { rows }] of windows.entries()) {
    for (const row of rows) {
      if (Object.keys(row.key).length < fields) continue;
      const id = JSON.stringify(row.key);
      let found = byId.get(id);
      if (found === undefined) {
        found = { label: keyLabel(row.key), values: Array.from({ length: windows.length }, () => null) };
        byId.set(id, found);
      }
      found.values[i] = aggregateNumber(row, aggregate);
    }
  }
  const all = [...byId].map(([id, { label, values }]) => ({ id, label, values }));
  const size = ({ values }: Series) => values.reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0);
  const greatest = all.length <= mostSeries ? all : all.toSorted((a, b) => size(b) - size(a)).slice(0, mostSeries);
  return { series: greatest.toSorted((a, b) => (a.label < b.label ? -1 : 1)), keys: all.length };
}

/**
 * An aggregate of a row as a number. For a structure it is the first number in it, such as the least of some
 * percentiles. Null when it has none, such as the mean of nothing.
 */
export function aggregateNumber({ values }: ShownRow, aggregate: string): number | null {
  const value = values[aggregate];
  const [first] = numbersIn(value);
  const number = rankOf(first === undefined ? value : (value as Readonly<Record<string, unknown>>)[first]);
  return number !== undefined && Number.isFinite(number) ? number : null;
}

/**
 * The colour of the series at a place, from the style sheet: `--series-1` to `--series-8`. Keys that are not a series
 * have no colour of their own.
 */
export function seriesColor(place: number | undefined): string {
  if (place === undefined) return 'var(--muted)';
  return `var(--series-${(place % mostSeries) + 1})`;
}
