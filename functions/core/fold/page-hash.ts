import type { KeyText } from '../events/group-key.ts';
import { hashKey } from '../events/key-hash.ts';

/** The page of a key in a bucket with `count` pages: `hash mod n` (DESIGN section 1). */
export function pageOf(key: KeyText, count: number): number {
  return hashKey(key) % count;
}

/**
 * Encoded bytes that a page should hold on average, so that with its key and number it stays within one write unit of 1
 * KB.
 */
export const pageShareBytes = 700;

/** Most pages of a bucket. */
const mostPages = 65_536;

/** The power of two at which `bytes` of content fit their pages' shares (DESIGN section 3). */
export function pageCountFor(bytes: number): number {
  let count = 1;
  while (count * pageShareBytes < bytes && count < mostPages) count *= 2;
  return count;
}

/** Least size, in bytes, of a page that grows whatever its neighbours hold: an item ends at 400 KB. */
const largestPageBytes = 64 * 1024;

/**
 * The next page count of a bucket in which a page has outgrown its share; undefined when more pages would not help.
 * While the others are mostly empty, it is cheaper to pay a second write unit for one page than to close them all.
 */
export function grownPageCount(count: number, totalBytes: number, largestBytes: number): number | undefined {
  if (totalBytes / count <= pageShareBytes / 2 && largestBytes < largestPageBytes) return undefined;
  const grown = Math.max(count * 2, pageCountFor(totalBytes));
  return grown > mostPages ? undefined : grown;
}

/**
 * The page count for a new bucket, from the size of the shard's bucket before it. It shrinks only when three quarters
 * would be empty.
 */
export function nextPageCount(previous: { readonly count: number; readonly bytes: number }): number {
  const fitting = pageCountFor(previous.bytes);
  return previous.count > fitting && previous.bytes / previous.count >= pageShareBytes / 4 ? previous.count : fitting;
}
