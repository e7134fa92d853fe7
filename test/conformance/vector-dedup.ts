import { durationMs, longestDurationMs } from '../../functions/core/arguments/duration.ts';
import { TidemarkError } from '../../functions/core/arguments/error.ts';
import { isObject, type Json, present, unknownFields } from './json.ts';
import { requireNothing, Unsupported } from './unsupported.ts';

/** What makes an event one that came before. */
export interface VectorDedup {
  /** The fields that form an event's id. */
  readonly keys: readonly string[];
  /** How long an id is known, by arrival, ms; undefined: the vector does not say. */
  readonly withinMs: number | undefined;
}

const dedupModes: readonly Json[] = ['dropDuplicates', 'withinWatermark'];

/**
 * The deduplication. Spark's two modes are one here: an id is known for the whole horizon, and no shorter because of a
 * watermark. The horizon is `within` or `horizon`, in ms or as Tidemark's text.
 * @throws Unsupported
 */
export function dedupOf(dedup: Json | undefined): VectorDedup | undefined {
  if (dedup === undefined) return undefined;
  const { keys, mode, within, horizon, ...rest } = isObject(dedup) ? present(dedup) : {};
  requireNothing(unknownFields('dedup', rest, []));
  const isRead = Array.isArray(keys) && (mode === undefined ? hasHorizon(within, horizon) : dedupModes.includes(mode));
  if (!isRead || (within !== undefined && horizon !== undefined))
    throw new Unsupported([`dedup ${JSON.stringify(dedup)}`]);
  return { keys: keys.map(String), withinMs: horizonMs(within ?? horizon) };
}

function hasHorizon(...given: readonly (Json | undefined)[]): boolean {
  return given.some((one) => one !== undefined);
}

function horizonMs(given: Json | undefined): number | undefined {
  if (given === undefined || typeof given === 'number') return given;
  try {
    return durationMs('dedup.within', String(given), { leastMs: 1, mostMs: longestDurationMs });
  } catch (error) {
    if (error instanceof TidemarkError) throw new Unsupported([`dedup.within ${JSON.stringify(given)}`]);
    throw error;
  }
}
