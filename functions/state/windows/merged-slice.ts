import { lruMap } from '../../core/arguments/lru-map.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { mergeInto, type PartialAggregate, type Partials } from '../../core/fold/partial.ts';
import type { FoundPage } from '../items/page.ts';

/** The contribution of a slice to a window: its buckets of all shards, merged. */
export interface MergedSlice {
  readonly partials: Partials;
  readonly records: number;
}

/**
 * The order in which pages of a slice merge, in whatever order they are read. Without it, an aggregate like `topK`
 * would give each run different rows (I2).
 */
export function inMergeOrder<Found extends FoundPage>(pages: readonly Found[]): readonly Found[] {
  return [...pages].sort(
    (left, right) =>
      Number(left.shardId > right.shardId) - Number(left.shardId < right.shardId) ||
      left.closesAt - right.closesAt ||
      left.count - right.count ||
      left.index - right.index,
  );
}

export function mergeSlice(query: Query, pages: readonly FoundPage[]): MergedSlice {
  const merged = new Map<KeyText, PartialAggregate>();
  for (const { page } of inMergeOrder(pages)) mergeInto(query, merged, page.partials);
  return { partials: merged, records: recordsOf(pages.map(({ page }) => page)) };
}

/** How many records are in slices, or in pages. */
export function recordsOf(parts: readonly { readonly records: number }[]): number {
  return parts.reduce((total, { records }) => total + records, 0);
}

/**
 * Merged slices that neighbouring windows share, over runs too. Of a window of a day that slides by the minute, all
 * slices but one are as they were a minute ago. Only slices of closed buckets are kept, which nothing changes any more.
 */
export interface SliceCache {
  /**
   * To be called first by a run.
   * @param finalizedThrough as it was read. A value lower than ever before means that the tables were made anew;
   * nothing is remembered then
   */
  begin(finalizedThrough: number): void;
  /** The slice that is remembered under a name, or the result of `read`, which is remembered unless it fails. */
  get(name: string, read: () => Promise<MergedSlice>): Promise<MergedSlice>;
}

/** Most slices, and keys in them, that are remembered: some 100 MB. The one used longest ago is forgotten first. */
const mostSlices = 20_000;
const mostKeys = 500_000;

/** A slice in the cache, being read or read. */
interface CachedSlice {
  readonly merged: Promise<MergedSlice>;
  /** Keys in it; 0 until it is read. */
  keys: number;
}

export function sliceCache(): SliceCache {
  let keys = 0;
  const slices = lruMap<string, CachedSlice>((slice) => {
    keys -= slice.keys;
  });
  let seen = Number.NEGATIVE_INFINITY;

  return {
    begin(finalizedThrough) {
      if (finalizedThrough < seen) slices.clear();
      seen = finalizedThrough;
    },
    async get(name, read) {
      const known = slices.get(name);
      if (known !== undefined) return known.merged;
      const slice: CachedSlice = { merged: read(), keys: 0 };
      slices.set(name, slice);
      try {
        const merged = await slice.merged;
        if (slices.peek(name) === slice) {
          slice.keys = merged.partials.size;
          keys += slice.keys;
        }
        slices.trim(() => slices.size <= mostSlices && keys <= mostKeys);
        return merged;
      } catch (error) {
        if (slices.peek(name) === slice) slices.delete(name);
        throw error;
      }
    },
  };
}
