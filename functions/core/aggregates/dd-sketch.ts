import { corrupt, countIn, type Json, listIn } from './aggregate.ts';

/**
 * DDSketch (Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019): counts by
 * bins whose bounds grow by a factor, so that every value is known to a relative error. Of more than a bounded number of bins the ones nearest to zero
 * are put together in the last that is kept, and the sketch says so. A state follows from the values alone, in whatever order they come.
 */
export interface DDSketch {
  /** How many zeros. */
  readonly zeros: number;
  /** Counts by bin: bin i holds what is in (gamma^(i-1), gamma^i], gamma = (1 + error) / (1 - error). */
  readonly positive: ReadonlyMap<number, number>;
  /** The same, of the values without their sign. */
  readonly negative: ReadonlyMap<number, number>;
  /** Whether bins were put together. */
  readonly collapsed: boolean;
}

/** Most bins of either sign. */
export const mostBins = 1024;

/** The sketch of nothing. */
export const emptyBins: DDSketch = { zeros: 0, positive: new Map(), negative: new Map(), collapsed: false };

/** The natural logarithm of the factor between bins, for a relative error. */
export function logGamma(relativeError: number): number {
  return Math.log1p(relativeError) - Math.log1p(-relativeError);
}

interface OwnBins {
  zeros: number;
  readonly positive: Map<number, number>;
  readonly negative: Map<number, number>;
  readonly collapsed: boolean;
}

/** Adds a finite value to a sketch, in place unless that is the empty one. @returns the sketch */
export function addValue(sketch: DDSketch, logOfGamma: number, value: number): DDSketch {
  const own =
    sketch === emptyBins
      ? { zeros: 0, positive: new Map<number, number>(), negative: new Map<number, number>(), collapsed: false }
      : (sketch as OwnBins);
  if (value === 0) own.zeros++;
  else {
    const bins = value > 0 ? own.positive : own.negative;
    const bin = Math.ceil(Math.log(Math.abs(value)) / logOfGamma);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  return own;
}

/** The sketch of all values of both; neither is changed. */
export function mergeBins(left: DDSketch, right: DDSketch): DDSketch {
  return bounded({
    zeros: left.zeros + right.zeros,
    positive: together(left.positive, right.positive),
    negative: together(left.negative, right.negative),
    collapsed: left.collapsed || right.collapsed,
  });
}

function together(left: DDSketch['positive'], right: DDSketch['positive']): Map<number, number> {
  const merged = new Map(left);
  for (const [bin, count] of right) merged.set(bin, (merged.get(bin) ?? 0) + count);
  return merged;
}

/** Puts the bins together that are too many. The bound rises with the greatest bin only: what was put together in a part would be in the whole. */
export function bounded(sketch: DDSketch): DDSketch {
  const positive = collapsedBins(sketch.positive);
  const negative = collapsedBins(sketch.negative);
  if (positive === sketch.positive && negative === sketch.negative) return sketch;
  return { zeros: sketch.zeros, positive, negative, collapsed: true };
}

function collapsedBins(bins: DDSketch['positive']): DDSketch['positive'] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const bin of bins.keys()) {
    if (bin < least) least = bin;
    if (bin > most) most = bin;
  }
  const floor = most - mostBins + 1;
  if (bins.size === 0 || least >= floor) return bins;
  const kept = new Map<number, number>();
  for (const [bin, count] of bins) {
    const to = Math.max(bin, floor);
    kept.set(to, (kept.get(to) ?? 0) + count);
  }
  return kept;
}

/**
 * The values below which shares of all values lie, each within the relative error unless it is of a bin that was put together.
 * @param shares from 0 to 1
 * @returns undefined of nothing
 */
export function quantilesOf(
  sketch: DDSketch,
  logOfGamma: number,
  shares: readonly number[],
): readonly number[] | undefined {
  const { zeros, positive, negative } = bounded(sketch);
  const middle = 2 / (1 + Math.exp(logOfGamma));
  // The middle of a bin may lie beyond the largest double that is in it.
  const shown = (bin: number) => Math.min(Math.exp(bin * logOfGamma) * middle, Number.MAX_VALUE);
  const ascending = [
    ...[...negative].sort(([a], [b]) => b - a).map(([bin, count]) => [-shown(bin), count] as const),
    ...(zeros > 0 ? [[0, zeros] as const] : []),
    ...[...positive].sort(([a], [b]) => a - b).map(([bin, count]) => [shown(bin), count] as const),
  ];
  const total = ascending.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return undefined;
  return shares.map((share) => {
    const rank = share * (total - 1);
    let below = 0;
    for (const [value, count] of ascending) {
      below += count;
      if (below > rank) return value;
    }
    return ascending.at(-1)?.[0] ?? 0;
  });
}

/** `[zeros, positive, negative]`, and 1 when bins were put together. Bins: the first one, then counts; -n for n empty bins. */
export function encodeBins(sketch: DDSketch): Json {
  const { zeros, positive, negative, collapsed } = bounded(sketch);
  const encoded = [zeros, runsOf(positive), runsOf(negative)];
  return collapsed ? [...encoded, 1] : encoded;
}

function runsOf(bins: DDSketch['positive']): readonly number[] {
  const runs: number[] = [];
  let next: number | undefined;
  for (const [bin, count] of [...bins].sort(([a], [b]) => a - b)) {
    if (next === undefined) runs.push(bin);
    else if (bin > next) runs.push(next - bin);
    runs.push(count);
    next = bin + 1;
  }
  return runs;
}

/** The reverse of {@link encodeBins}. @throws when it is none of its */
export function decodeBins(json: Json): DDSketch {
  const [zeros, positive, negative, flag = 0, ...more] = listIn(json);
  if ((flag !== 0 && flag !== 1) || more.length > 0) throw corrupt(json);
  const sketch = {
    zeros: countIn(zeros),
    positive: binsIn(positive),
    negative: binsIn(negative),
    collapsed: flag === 1,
  };
  if (sketch.zeros + sketch.positive.size + sketch.negative.size === 0) return emptyBins;
  return sketch;
}

function binsIn(json: Json | undefined): Map<number, number> {
  const [first, ...runs] = listIn(json);
  const bins = new Map<number, number>();
  if (first === undefined) return bins;
  if (!Number.isSafeInteger(first) || runs.length === 0) throw corrupt(json);
  let bin = Number(first);
  for (const run of runs) {
    if (typeof run !== 'number' || !Number.isSafeInteger(run) || run === 0) throw corrupt(json);
    if (run > 0) bins.set(bin++, run);
    else bin -= run;
  }
  if (bins.size > mostBins) throw corrupt(json);
  return bins;
}
