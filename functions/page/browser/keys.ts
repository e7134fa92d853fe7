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
  /** Its place in the palette; undefined: it is all the others together. */
  readonly place: number | undefined;
}

/** A key with its total over the windows that are shown. */
export interface KeyTotal {
  readonly id: string;
  readonly label: string;
  readonly total: number | null;
}

/** The keys of some windows. */
export interface Keys {
  /** All of them; up to {@link fewKeys} in the order of their names, of more the greatest first. */
  readonly all: readonly KeyTotal[];
  /** Those of the chart: pinned ones and the greatest, in the order of their names; last, if it is there, the rest. */
  readonly series: readonly Series[];
}

/** Most lines that people can tell apart. */
export const mostSeries = 8;
/** Up to so many keys are listed by their names, and need no search. */
export const fewKeys = 12;

/** The id of the series of all other keys. No key has it, for a key's is an object. */
export const othersId = 'others';

/** What {@link keysOf} needs to know besides the windows. */
export interface KeyChoice {
  readonly aggregate: string;
  /** Whether values of keys can be added up, as counts and sums can. */
  readonly isAdditive: boolean;
  /** The totals over the windows. */
  readonly totals: readonly ShownRow[];
  /** Ids of keys that are shown in any case. */
  readonly pins: readonly string[];
}

/** The keys of some windows, and those that the chart shows. */
export function keysOf(windows: readonly ShownWindow[], { aggregate, isAdditive, totals, pins }: KeyChoice): Keys {
  const byId = valuesByKey(windows, aggregate);
  const totalOf = new Map(totals.map((row) => [JSON.stringify(row.key), aggregateNumber(row, aggregate)]));
  const found = [...byId].map(([id, { label, values }]) => ({ id, label, values, total: totalOf.get(id) ?? null }));
  const byName = found.toSorted((a, b) => compareText(a.label, b.label));
  const bySize = byName.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  const pinned = new Set(pins);
  const shown = new Set(
    [...bySize.filter(({ id }) => pinned.has(id)), ...bySize.filter(({ id }) => !pinned.has(id))]
      .slice(0, Math.max(mostSeries, Math.min(pinned.size, mostPins)))
      .map(({ id }) => id),
  );
  const series: Series[] = byName
    .filter(({ id }) => shown.has(id))
    .map(({ id, label, values }, place) => ({ id, label, values, place }));
  const rest = byName.filter(({ id }) => !shown.has(id));
  if (isAdditive && rest.length > 0)
    series.push({
      id: othersId,
      label: `${rest.length} others`,
      values: windows.map((_, i) => addUp(rest.map(({ values }) => values[i] ?? null))),
      place: undefined,
    });
  return { all: found.length <= fewKeys ? byName : bySize, series };
}

/** Most pinned keys in one chart: the colours come again after eight. */
const mostPins = 16;

/** The series of each of some keys, for a chart of its own. */
export function seriesOfEach(
  windows: readonly ShownWindow[],
  aggregate: string,
  keys: readonly KeyTotal[],
): readonly Series[] {
  const byId = valuesByKey(windows, aggregate);
  return keys.map(({ id, label }) => ({ id, label, values: byId.get(id)?.values ?? [], place: 0 }));
}

interface KeyValues {
  readonly label: string;
  readonly values: (number | null)[];
}

function valuesByKey(windows: readonly ShownWindow[], aggregate: string): ReadonlyMap<string, KeyValues> {
  const byId = new Map<string, KeyValues>();
  // Of a rollup or cube only the groups: its totals lack fields, and would stand beside the groups that they add up.
  let fields = 0;
  for (const { rows } of windows) for (const { key } of rows) fields = Math.max(fields, Object.keys(key).length);
  for (const [i, { rows }] of windows.entries())
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
  return byId;
}

function sizeOf({ total, values }: { readonly total: number | null; readonly values: Series['values'] }): number {
  return Math.abs(total ?? values.reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0));
}

function addUp(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The words of a search that a text has to hold, all of them. */
export function matcher(search: string): (text: string) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => words.length === 0 || words.every((word) => text.toLowerCase().includes(word));
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
  return `var(${colorName(place)})`;
}

/** As {@link seriesColor}, the name alone. */
export function colorName(place: number | undefined): string {
  return place === undefined ? '--others' : `--series-${(place % mostSeries) + 1}`;
}
