import type { ShownConservation, ShownHistory, ShownPairs, ShownWatermark } from './api.ts';

/** What happened in a stretch of time, as the page saw it or as the functions measured it. */
export interface HistoryPoint {
  /** `[from, to]`, epoch ms. */
  readonly from: number;
  readonly to: number;
  /** Events that were received; null: not known. */
  readonly received: number | null;
  /** The greatest lag of the watermark, ms; null: not known. */
  readonly lagMs: number | null;
  readonly queries: Readonly<Record<string, Pick<ShownPairs, 'counted' | 'late'>>>;
}

/** The counters of a poll. What happened is between two of them. */
export interface HistorySample {
  /** Epoch ms. */
  readonly at: number;
  readonly received: number;
  readonly lagMs: number | null;
  readonly queries: Readonly<Record<string, Pick<ShownPairs, 'counted' | 'late'>>>;
}

/** The history that a page has seen itself: points of some seconds, and the counters that it ends with. */
export interface SeenHistory {
  readonly points: readonly HistoryPoint[];
  readonly last: HistorySample | undefined;
}

/** How far back a history goes, ms. */
export const historyMs = 3_600_000;

/** A point grows until it is so long, ms. */
const pointMs = 10_000;

export const nothingSeen: SeenHistory = { points: [], last: undefined };

/** The counters of one poll. */
export function sampleOf(
  at: number,
  { received, queries }: ShownConservation,
  { lagMs }: Pick<ShownWatermark, 'lagMs'>,
): HistorySample {
  const own = Object.entries(queries).map(([name, { counted, late }]) => [name, { counted, late }] as const);
  return { at, received, lagMs, queries: Object.fromEntries(own) };
}

/** The history with one poll more. Counters that went back are of another state, with which it begins anew. */
export function seen({ points, last }: SeenHistory, sample: HistorySample): SeenHistory {
  if (last === undefined || sample.received < last.received) return { points: [], last: sample };
  if (sample.at <= last.at) return { points, last };
  const point: HistoryPoint = {
    from: last.at,
    to: sample.at,
    received: sample.received - last.received,
    lagMs: sample.lagMs,
    queries: Object.fromEntries(
      Object.entries(sample.queries).map(([name, { counted, late }]) => {
        const before = last.queries[name] ?? { counted: 0, late: 0 };
        return [name, { counted: Math.max(0, counted - before.counted), late: Math.max(0, late - before.late) }];
      }),
    ),
  };
  const newest = points.at(-1);
  const grows = newest !== undefined && newest.to === point.from && point.to - newest.from <= pointMs;
  const all = grows ? [...points.slice(0, -1), joined(newest, point)] : [...points, point];
  return { points: all.filter(({ to }) => to > sample.at - historyMs), last: sample };
}

function joined(one: HistoryPoint, other: HistoryPoint): HistoryPoint {
  return {
    from: one.from,
    to: other.to,
    received: (one.received ?? 0) + (other.received ?? 0),
    lagMs: greater(one.lagMs, other.lagMs),
    queries: Object.fromEntries(
      Object.entries(other.queries).map(([name, { counted, late }]) => {
        const before = one.queries[name] ?? { counted: 0, late: 0 };
        return [name, { counted: counted + before.counted, late: late + before.late }];
      }),
    ),
  };
}

function greater(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}

const minuteMs = 60_000;

/**
 * What was seen, and before it what was measured. Measurements of the time that was seen are left out: they come later,
 * by the minute.
 */
export function wholeHistory(
  { points }: SeenHistory,
  measured: ShownHistory | undefined,
  now: number,
): readonly HistoryPoint[] {
  const first = points[0]?.from ?? now;
  const before = (measured?.points ?? [])
    .map(({ at, ...point }) => ({ from: at, to: at + minuteMs, ...point }))
    .filter(({ from, to }) => to <= first && from >= now - historyMs);
  return [...before, ...points];
}

/** Where a history outlives the loading of a page: the storage of a tab. */
export interface HistoryStore {
  getItem(name: string): string | null;
  setItem(name: string, text: string): void;
}

/** What was kept under a name. Nothing when nothing was, or when it is not readable. */
export function keptHistory(store: HistoryStore | undefined, name: string): SeenHistory {
  try {
    const text = store?.getItem(name);
    if (text === null || text === undefined) return nothingSeen;
    // Written by keepHistory below and by nobody else.
    const { points, last } = JSON.parse(text) as SeenHistory;
    return Array.isArray(points) ? { points, last } : nothingSeen;
  } catch {
    return nothingSeen;
  }
}

/** Keeps a history, if there is room. The page does without. */
export function keepHistory(store: HistoryStore | undefined, name: string, history: SeenHistory): void {
  try {
    store?.setItem(name, JSON.stringify(history));
  } catch {
    // A full or forbidden storage.
  }
}
