import { corrupt, countIn, type Json, listIn, numberIn } from './aggregate.ts';

/**
 * DDSketch (Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees",
 * VLDB 2019): counts by bins whose bounds grow by a factor, so that every value is known to a relative error. The
 * number of bins is bounded. When there are more, the ones nearest to zero are put together in the last that is kept,
 * and the sketch says so. A state follows from the values alone, in whatever order they come.
 */
export interface DDSketch {
  /** The number of zeros. */
  readonly zeros: number;
  /** Counts by bin: bin i holds the values in (gamma^(i-1), gamma^i], gamma = (1 + error) / (1 - error). */
  readonly positive: ReadonlyMap<number, number>;
  /** The same for the negative values, without their sign. */
  readonly negative: ReadonlyMap<number, number>;
  /** Whether bins were put together. */
  readonly collapsed: boolean;
  /** The least value, exact; positive infinity in an empty sketch. */
  readonly least: number;
  /** The greatest value, exact; negative infinity in an empty sketch. */
  readonly greatest: number;
}

/** Most bins of either sign. */
const mostBins = 1024;

/** The sketch of nothing. */
export const emptyBins: DDSketch = {
  zeros: 0,
  positive: new Map(),
  negative: new Map(),
  collapsed: false,
  least: Number.POSITIVE_INFINITY,
  greatest: Number.NEGATIVE_INFINITY,
};

/** The natural logarithm of the factor between bins, for a relative error. */
export function logGamma(relativeError: number): number {
  return Math.log1p(relativeError) - Math.log1p(-relativeError);
}

interface OwnBins {
  zeros: number;
  readonly positive: Map<number, number>;
  readonly negative: Map<number, number>;
  readonly collapsed: boolean;
  least: number;
  greatest: number;
}

/** Adds a finite value to a sketch, in place unless that is the empty one. @returns the sketch */
export function addValue(sketch: DDSketch, logOfGamma: number, value: number): DDSketch {
  const own: OwnBins =
    sketch === emptyBins ? { ...emptyBins, positive: new Map(), negative: new Map() } : (sketch as OwnBins);
  // Zero has one sign, or the result would depend on which came first.
  const signed = value === 0 ? 0 : value;
  if (signed < own.least) own.least = signed;
  if (signed > own.greatest) own.greatest = signed;
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
    least: Math.min(left.least, right.least),
    greatest: Math.max(left.greatest, right.greatest),
  });
}

function together(left: DDSketch['positive'], right: DDSketch['positive']): Map<number, number> {
  const merged = new Map(left);
  for (const [bin, count] of right) merged.set(bin, (merged.get(bin) ?? 0) + count);
  return merged;
}

/**
 * Puts together the bins that are too many. The bound rises with the greatest bin only, so bins that are put together
 * in a part would be put together in the whole.
 */
export function bounded(sketch: DDSketch): DDSketch {
  const positive = collapsedBins(sketch.positive);
  const negative = collapsedBins(sketch.negative);
  if (positive === sketch.positive && negative === sketch.negative) return sketch;
  return { ...sketch, positive, negative, collapsed: true };
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
 * The values at shares of all values, by the rank of SQL's `percentile_disc`: of n values the one at place ceil(share
 * n), from 1. Each is within the relative error of it, unless it is from a bin that was put together. The least and the
 * greatest value are exact, and no result lies beyond them.
 * @param shares from 0 to 1
 * @returns undefined for an empty sketch
 */
export function quantilesOf(
  sketch: DDSketch,
  logOfGamma: number,
  shares: readonly number[],
): readonly number[] | undefined {
  const { zeros, positive, negative, least, greatest } = bounded(sketch);
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
    const place = placeOf(share, total);
    if (place === 1) return least;
    if (place === total) return greatest;
    let upTo = 0;
    for (const [value, count] of ascending) {
      upTo += count;
      if (upTo >= place) return Math.min(Math.max(value, least), greatest);
    }
    return greatest;
  });
}

/**
 * `ceil(share n)`, from 1 to n. A product that would be a whole number without its rounding, such as 0.07 x 100, counts
 * as that number.
 */
function placeOf(share: number, total: number): number {
  const product = share * total;
  const whole = Math.round(product);
  const place = Math.abs(product - whole) <= product * Number.EPSILON ? whole : Math.ceil(product);
  return Math.min(Math.max(place, 1), total);
}

/**
 * `[zeros, positive, negative, least, greatest]`, and 1 when bins were put together; `[0, [], []]` for an empty sketch.
 * Bins are the number of the first one, then counts; -n stands for n empty bins.
 */
export function encodeBins(sketch: DDSketch): Json {
  const { zeros, positive, negative, collapsed, least, greatest } = bounded(sketch);
  if (least > greatest) return [0, [], []];
  const encoded = [zeros, runsOf(positive), runsOf(negative), least, greatest];
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

/** The reverse of {@link encodeBins}. @throws when the JSON is not from it */
export function decodeBins(json: Json): DDSketch {
  const [zeros, positive, negative, least, greatest, flag = 0, ...more] = listIn(json);
  if ((flag !== 0 && flag !== 1) || more.length > 0) throw corrupt(json);
  const bins = { zeros: countIn(zeros), positive: binsIn(positive), negative: binsIn(negative) };
  if (bins.zeros + bins.positive.size + bins.negative.size === 0) return emptyBins;
  return { ...bins, collapsed: flag === 1, least: numberIn(least), greatest: numberIn(greatest) };
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
