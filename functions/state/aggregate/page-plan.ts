import type { KeyFold } from '../../core/fold/fold.ts';
import { grownPageCount } from '../../core/fold/page-hash.ts';
import { mergeInto } from '../../core/fold/partial.ts';
import { type FoundPage, hasOutgrown, type NextPage, nextPage, type Page, type PageName } from '../items/page.ts';
import type { Bucket } from '../items/registry.ts';
import type { Chunk } from './fold-split.ts';

/** A page to write: its copy, and what it would be with the folds merged in. */
export interface PagePlan {
  readonly name: PageName;
  readonly folds: readonly KeyFold[];
  readonly copy: Page;
  readonly next: NextPage | undefined;
}

/** Copies of a bucket's pages among those found. */
export function copiesOf(bucket: Bucket, found: readonly FoundPage[]): Map<number, Page> {
  const own = found.filter(({ closesAt, count }) => closesAt === bucket.closesAt && count === bucket.count);
  return new Map(own.map(({ index, page }) => [index, page]));
}

/** The count to grow to before anything of a chunk is written to the smaller one, if a page would outgrow its share. */
export function growthOf(
  bucket: Bucket,
  pages: ReadonlyMap<number, Page>,
  plans: readonly PagePlan[],
): number | undefined {
  const outgrown = plans.flatMap(({ next }) =>
    next !== undefined && next.partials.size > 1 && hasOutgrown(next) ? [next.contentBytes] : [],
  );
  if (outgrown.length === 0) return undefined;
  const added = plans.reduce((total, { copy, next }) => total + (next?.contentBytes ?? 0) - copy.contentBytes, 0);
  return grownPageCount(bucket.count, contentBytes(pages) + added, Math.max(...outgrown));
}

/** Bytes of all copies, as they are stored. */
export function contentBytes(pages: ReadonlyMap<number, Page>): number {
  let total = 0;
  for (const page of pages.values()) total += page.contentBytes;
  return total;
}

/** A page with folds merged in, as a chunk leaves it. */
export function mergedPage(name: PageName, copy: Page, folds: readonly KeyFold[], chunk: Chunk): NextPage {
  const partials = new Map(copy.partials);
  mergeInto(
    name.query,
    partials,
    folds.map((fold) => [fold.key, fold.states]),
  );
  const records = folds.reduce((total, fold) => total + fold.events.length, copy.records);
  return nextPage(name, partials, records, chunk.lastSequenceNumber);
}
