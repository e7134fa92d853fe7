import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { mergeInto, type PartialAggregate, type Partials } from '../../core/fold/partial.ts';
import type { FoundPage } from '../items/page.ts';

/** What a slice contributes to a window: its buckets of all shards, merged. */
export interface MergedSlice {
  readonly partials: Partials;
  readonly records: number;
}

/**
 * The order in which pages of a slice merge, whoever reads them in whatever order: an aggregate like `topK` would else
 * give each run rows of its own (I2).
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
 * Merged slices that neighbouring windows share, over runs too: of a window of a day that slides by the minute all but
 * one are as they were a minute ago. Only of closed buckets, which nothing changes any more.
 */
export interface SliceCache {
  /**
   * To be called by a run first.
   * @param finalizedThrough as it was read; lower than ever before: the tables were made anew, and nothing is
   * remembered
   */
  begin(finalizedThrough: number): void;
  /** What is remembered under a name, or what `read` gives, which is remembered unless it fails. */
  get(name: string, read: () => Promise<MergedSlice>): Promise<MergedSlice>;
}

/** Most slices, and keys in them, that are remembered: some 100 MB. The one used longest ago is forgotten first. */
const mostSlices = 20_000;
const mostKeys = 500_000;

export function sliceCache(): SliceCache {
  const slices = new Map<string, Promise<MergedSlice>>();
  const sizes = new Map<string, number>();
  let keys = 0;
  let seen = Number.NEGATIVE_INFINITY;

  function forget(name: string): void {
    slices.delete(name);
    keys -= sizes.get(name) ?? 0;
    sizes.delete(name);
  }

  return {
    begin(finalizedThrough) {
      if (finalizedThrough < seen) for (const name of [...slices.keys()]) forget(name);
      seen = finalizedThrough;
    },
    async get(name, read) {
      const known = slices.get(name);
      const found = known ?? read();
      // Moved to the end: a Map keeps its order.
      slices.delete(name);
      slices.set(name, found);
      try {
        const merged = await found;
        if (slices.get(name) === found && !sizes.has(name)) {
          sizes.set(name, merged.partials.size);
          keys += merged.partials.size;
        }
        for (const oldest of slices.keys()) {
          if (slices.size <= mostSlices && keys <= mostKeys) break;
          forget(oldest);
        }
        return merged;
      } catch (error) {
        if (slices.get(name) === found) forget(name);
        throw error;
      }
    },
  };
}
