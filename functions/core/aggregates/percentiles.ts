import { argumentError } from '../arguments/error.ts';
import { numberBetween, optionsOf } from '../numbers/whole-number.ts';
import type { AggregateOf, AnyAggregate } from './aggregate.ts';
import { addValue, bounded, decodeBins, emptyBins, encodeBins, logGamma, mergeBins, quantilesOf } from './dd-sketch.ts';
import { type Field, type NumberOf, ofNumbers } from './number-input.ts';

/** Options of {@link percentiles}. */
export interface PercentileOptions {
  /** Greatest distance of a result from the true value, as a share of that value: from 0.001 to 0.1. @default 0.01 */
  readonly relativeError?: number;
}

/**
 * The result of {@link percentiles}, by names such as `p50` and `p99_9`. With `overflow`, the values nearest to zero were
 * too many to keep.
 */
export type PercentilesResult = { readonly [name: `p${string}`]: number | null; readonly overflow?: true } | null;

/** Most percentiles of one aggregate. */
const mostShares = 20;

/**
 * Percentiles, about, by a DDSketch. The result has a member for each: `{"p50":12.1,"p99":840.2}`. Each is within the
 * relative error of the value at its rank, which is the rank of SQL's `percentile_disc`. Values may have either sign.
 * The least and the greatest value are exact. The result is null when no record had a number. Values that span more
 * than 1,024 bins, a factor of 8 x 10^8 at 1 %, lose the ones nearest to zero; the result then has `"overflow":true`.
 * @example
 * percentiles('ms', [0.5, 0.99, 0.999]); // {"p50":12.1,"p99":840.2,"p99_9":1201.5}
 * @param shares from 0 to 1, at most 20
 */
export function percentiles<const Name extends string>(
  field: Name,
  shares: readonly number[],
  options?: PercentileOptions,
): AnyAggregate<Field<Name, number>, PercentilesResult>;
export function percentiles<Event>(
  select: NumberOf<Event>,
  shares: readonly number[],
  options?: PercentileOptions,
): AggregateOf<Event, PercentilesResult>;
export function percentiles<Event>(
  of: string | NumberOf<Event>,
  shares: readonly number[],
  options?: PercentileOptions,
): AggregateOf<Event, PercentilesResult> {
  const kind = 'percentiles';
  if (
    !Array.isArray(shares) ||
    shares.length === 0 ||
    shares.length > mostShares ||
    new Set(shares).size !== shares.length
  )
    throw argumentError(
      `${kind}.shares`,
      shares,
      `are not percentiles: give 1 to ${mostShares} different ones, such as [0.5, 0.99]`,
    );
  // In the order of their names, as in every structured result.
  const wanted = shares
    .map((share) => ({ share: numberBetween(`${kind}.shares`, share, 0, 1), name: nameOf(share) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const twice = wanted.find(({ name }, i) => wanted[i - 1]?.name === name);
  if (twice !== undefined)
    throw argumentError(`${kind}.shares`, shares, `name ${twice.name} twice: give shares that differ in twelve digits`);
  const error = numberBetween(
    `${kind}.relativeError`,
    optionsOf(kind, options, ['relativeError']).relativeError ?? 0.01,
    0.001,
    0.1,
  );
  const logOfGamma = logGamma(error);
  return ofNumbers<Event, typeof emptyBins, PercentilesResult>(of, {
    kind,
    parameters: `${wanted.map(({ name }) => name).join(' ')}, relative error ${error}`,
    // Room for counts of ten digits in every bin of both signs.
    mostBytes: 24 * 1024,
    identity: emptyBins,
    add: (state, value) => addValue(state, logOfGamma, value),
    merge: mergeBins,
    encode: encodeBins,
    decode: decodeBins,
    result: (state) => {
      const values = quantilesOf(
        state,
        logOfGamma,
        wanted.map(({ share }) => share),
      );
      if (values === undefined) return null;
      const named = Object.fromEntries(wanted.map(({ name }, i) => [name, values[i] ?? null]));
      return bounded(state).collapsed ? { overflow: true, ...named } : named;
    },
  });
}

/** The name of a percentile, which SQL and paths take: `p50`, `p99`, `p99_9`. */
function nameOf(share: number): `p${string}` {
  return `p${String(Number((share * 100).toPrecision(12))).replace('.', '_')}`;
}
