import { grouped } from '../../core/definition/grouped.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import type { KeyText } from '../../core/events/group-key.ts';
import { latestOf, type SequenceNumber } from '../../core/events/sequence-number.ts';
import type { KeyFold, SliceFold } from '../../core/fold/fold.ts';
import { pageOf } from '../../core/fold/page-hash.ts';
import { closingAfter } from '../../core/windows/window.ts';
import {
  closePage,
  neverWritten,
  type Page,
  type PageName,
  readPage,
  readSlicePages,
  writePage,
} from '../items/page.ts';
import type { BucketSize } from '../items/progress.ts';
import { type Bucket, readSliceRegistry, registerBucket } from '../items/registry.ts';
import type { Table } from '../table/table.ts';
import { appendAll, type Chunk, splitAfter } from './fold-split.ts';
import type { FreshHorizon } from './fresh-horizon.ts';
import { contentBytes, copiesOf, growthOf, mergedPage, type PagePlan } from './page-plan.ts';

/**
 * The knowledge that a warm container has of one slice of one query. Evidence and settled numbers hold for ever and are
 * kept or forgotten together (DESIGN 4.1).
 */
interface SliceMemory {
  /** The bucket that may be written to, once it has evidence and the earlier ones are settled. */
  bucket: Bucket | undefined;
  /**
   * Copies of the bucket's pages, by index; a page that is not among them was never written. Undefined: they have to be
   * read.
   */
  pages: Map<number, Page> | undefined;
  /**
   * The last sequence numbers of closed pages of earlier buckets, by `closesAt#count`, then page; undefined where
   * nothing was written.
   */
  readonly settled: Map<string, { readonly count: number; readonly numbers: Map<number, SequenceNumber | undefined> }>;
  /** No closing is left and every bucket is settled: what is in no closed page is late. */
  late: boolean;
  /** The page count that growth asks for. */
  growTo: number;
}

/** The outcome for the events of one slice: their positions in the chunk. */
export interface SliceOutcome {
  readonly counted: readonly number[];
  readonly late: readonly number[];
}

/** Writes one shard's slices by step 3 of the aggregate protocol, and remembers what a warm container may. */
export interface SliceWriter {
  apply(fold: SliceFold, chunk: Chunk): Promise<SliceOutcome>;
  /** The page count that a slice's bucket has or would be given: how many pages a chunk touches follows from it. */
  expectedCount(query: Query, slice: number): number;
  /** Size of the slice's bucket as far as it is known, for the shard's progress. */
  size(query: Query, slice: number): BucketSize | undefined;
  /**
   * Forgets the copies of pages, for somebody else has written since. Evidence and settled numbers hold for ever and
   * stay.
   */
  forgetCopies(): void;
  /** Forgets the slices used longest ago, evidence and settled numbers together, beyond a bound of memory. */
  trim(): void;
}

/**
 * More rounds than any run of growths and closings takes: beyond it, something is broken and throwing beats spinning.
 */
const mostRounds = 100;

/** How many pages and slices a warm container remembers, at about a kilobyte each. */
const mostPages = 20_000;

export interface SliceWriterOptions {
  readonly state: Table;
  readonly shardId: string;
  readonly horizon: FreshHorizon;
  /** Limits how many calls run at a time. */
  readonly limit: <T>(call: () => Promise<T>) => Promise<T>;
  /** The page count for a bucket of a slice that has none yet. */
  readonly firstCount: (query: Query) => number;
  /** Whether nothing was ever committed to a slice, nor to a later one: a look into the registry can be spared then. */
  readonly isBeyond: (query: Query, slice: number) => boolean;
}

export function sliceWriter({ state, shardId, horizon, limit, firstCount, isBeyond }: SliceWriterOptions): SliceWriter {
  const memories = new Map<string, SliceMemory>();

  function memoryOf(query: Query, slice: number): SliceMemory {
    const name = memoryName(query, slice);
    const memory = memories.get(name) ?? {
      bucket: undefined,
      pages: undefined,
      settled: new Map(),
      late: false,
      growTo: 0,
    };
    // Moved to the end: a Map keeps its order, and the first are forgotten first.
    memories.delete(name);
    memories.set(name, memory);
    return memory;
  }

  /**
   * Steps 3 a to c: makes a bucket writable, or the slice late. True when done; false when the horizon or the registry
   * moved meanwhile and the step has to be taken again.
   */
  async function prepare(query: Query, slice: number, memory: SliceMemory): Promise<boolean> {
    const closesAt = closingAfter(query.window, slice, horizon.last.closedThrough);
    if (closesAt === undefined) {
      await settle(query, slice, memory, () => true);
      memory.late = true;
      return true;
    }
    // A bucket that is registered is taken as it is; a smaller count registered beside it would have to be settled for
    // nothing.
    let registered = isBeyond(query, slice) ? [] : await limit(() => readSliceRegistry(state, shardId, query, slice));
    const wanted = Math.max(memory.growTo, largestCount(registered, closesAt) || firstCount(query));
    const isNew = largestCount(registered, closesAt) < wanted;
    if (isNew)
      registered = await limit(() => registerBucket(state, shardId, query, { slice, closesAt, count: wanted }));
    const count = largestCount(registered, closesAt);
    // Evidence is a read of the horizon that begins after the registration, or after a larger count was met (step 3 b).
    const { closedThrough } = await horizon.read();
    if (closedThrough >= closesAt) return false;
    const isEarlier = (other: Bucket) =>
      other.closesAt <= closedThrough || (other.closesAt === closesAt && other.count < count);
    const first = closingAfter(query.window, slice, Number.NEGATIVE_INFINITY) ?? closesAt;
    const hasEarlier = first <= closedThrough || registered.some(isEarlier);
    const settled = hasEarlier ? await settle(query, slice, memory, isEarlier) : undefined;
    if (settled !== undefined && largestCount(settled.registered, closesAt) > count) return false;
    memory.bucket = { slice, closesAt, count };
    // A bucket that nobody had registered before has no pages, unless somebody writes them now: the condition of the
    // write will tell.
    memory.pages = settled === undefined ? (isNew ? new Map() : undefined) : copiesOf(memory.bucket, settled.found);
    return true;
  }

  /**
   * Step 3 c, after a horizon read: closes every page of every registered bucket that is earlier, and notes the numbers
   * of all closed pages, of buckets too that the finalizer has taken out of the registry. Returns the registry and the
   * pages it settled by.
   */
  async function settle(query: Query, slice: number, memory: SliceMemory, isEarlier: (bucket: Bucket) => boolean) {
    const registered = await limit(() => readSliceRegistry(state, shardId, query, slice));
    const found = await limit(() => readSlicePages(state, shardId, query, slice));
    for (const { closesAt, count, index, page } of found)
      if (page.closed && isEarlier({ slice, closesAt, count }))
        settledNumbers(memory, closesAt, count).set(index, page.sequenceNumber);
    const open = registered.filter(isEarlier).flatMap((bucket) => {
      const numbers = settledNumbers(memory, bucket.closesAt, bucket.count);
      const pages = Array.from({ length: bucket.count }, (_, page) => page);
      return pages.filter((page) => !numbers.has(page)).map((page) => ({ bucket, page, numbers }));
    });
    await Promise.all(
      open.map(async ({ bucket, page, numbers }) => {
        const closed = await limit(() => closePage(state, { shardId, query, bucket, page }));
        numbers.set(page, closed.sequenceNumber);
      }),
    );
    return { registered, found };
  }

  /**
   * Step 3 d. Returns what is left to do when a page turns out to be closed or has to grow; the bucket is forgotten
   * then.
   */
  async function write(
    query: Query,
    memory: SliceMemory,
    bucket: Bucket,
    pending: readonly KeyFold[],
    chunk: Chunk,
    counted: number[],
  ) {
    const pages =
      memory.pages ?? copiesOf(bucket, await limit(() => readSlicePages(state, shardId, query, bucket.slice)));
    memory.pages = pages;
    const plans = [...grouped(pending, (fold) => pageOf(fold.key, bucket.count))].map(([index, folds]) => {
      const name: PageName = { shardId, query, bucket, page: index };
      const copy = pages.get(index) ?? neverWritten;
      return { name, folds, copy, next: mergedPage(name, copy, folds, chunk) };
    });
    memory.growTo = growthOf(bucket, pages, plans) ?? memory.growTo;
    if (memory.growTo > bucket.count) {
      memory.bucket = undefined;
      return [...pending];
    }
    return (await Promise.all(plans.map((plan) => limit(() => writeOne(memory, pages, plan, chunk, counted))))).flat();
  }

  async function writeOne(
    memory: SliceMemory,
    pages: Map<number, Page>,
    plan: PagePlan,
    chunk: Chunk,
    counted: number[],
  ): Promise<readonly KeyFold[]> {
    const { name } = plan;
    for (let { copy, next, folds } = plan; ; ) {
      const split = splitAfter(name.query, folds, chunk, copy.sequenceNumber);
      appendAll(counted, split.counted);
      pages.set(name.page, copy);
      if (split.left.length === 0) return [];
      if (copy.closed) {
        memory.bucket = undefined;
        return split.left;
      }
      if (split.counted.length > 0 || next === undefined) next = mergedPage(name, copy, split.left, chunk);
      folds = split.left;
      if ((await writePage(state, name, copy, next)) === 'applied') {
        pages.set(name.page, next);
        for (const fold of folds) appendAll(counted, fold.events);
        return [];
      }
      copy = await readPage(state, name);
      next = undefined;
    }
  }

  return {
    async apply({ query, slice, keys }, chunk) {
      const memory = memoryOf(query, slice);
      const counted: number[] = [];
      let pending: readonly KeyFold[] = [...keys.values()];
      for (let round = 0; round < mostRounds; round++) {
        if (memory.bucket === undefined && !memory.late && !(await prepare(query, slice, memory))) continue;
        if (memory.settled.size > 0) {
          const split = pending.map((fold) => splitAfter(query, [fold], chunk, settledNumber(memory, fold.key)));
          for (const part of split) appendAll(counted, part.counted);
          pending = split.flatMap((part) => part.left);
        }
        if (memory.bucket === undefined) return { counted, late: pending.flatMap((fold) => fold.events) };
        pending = await write(query, memory, memory.bucket, pending, chunk, counted);
        if (pending.length === 0) return { counted, late: [] };
        // Closed by time or by growth, or too small: whichever it was, the horizon and the registry tell.
        await horizon.read();
      }
      throw new Error(
        `shard ${shardId}, query ${query.name}, slice ${slice}: no bucket could be written in ${mostRounds} rounds`,
      );
    },
    expectedCount: (query, slice) => memories.get(memoryName(query, slice))?.bucket?.count ?? firstCount(query),
    size(query, slice) {
      const memory = memories.get(memoryName(query, slice));
      if (memory?.bucket === undefined || memory.pages === undefined) return undefined;
      return { slice, count: memory.bucket.count, bytes: contentBytes(memory.pages) };
    },
    forgetCopies() {
      for (const memory of memories.values()) memory.pages = undefined;
    },
    trim() {
      let pages = 0;
      for (const memory of memories.values()) pages += weightOf(memory);
      for (const [name, memory] of memories) {
        if (pages <= mostPages) return;
        pages -= weightOf(memory);
        memories.delete(name);
      }
    },
  };
}

/** The share of a slice in the bound of memory, in pages. */
const weightOf = (memory: SliceMemory) => (memory.pages?.size ?? 0) + 1;

const memoryName = (query: Query, slice: number) => `${query.name}#${slice}`;

function largestCount(registered: readonly Bucket[], closesAt: number): number {
  return registered.reduce(
    (largest, bucket) => (bucket.closesAt === closesAt ? Math.max(largest, bucket.count) : largest),
    0,
  );
}

function settledNumbers(memory: SliceMemory, closesAt: number, count: number): Map<number, SequenceNumber | undefined> {
  const name = `${closesAt}#${count}`;
  const known = memory.settled.get(name);
  if (known !== undefined) return known.numbers;
  const numbers = new Map<number, SequenceNumber | undefined>();
  memory.settled.set(name, { count, numbers });
  return numbers;
}

/** The greatest number among the closed pages of earlier buckets where the key lives. */
function settledNumber(memory: SliceMemory, key: KeyText): SequenceNumber | undefined {
  let latest: SequenceNumber | undefined;
  for (const { count, numbers } of memory.settled.values()) latest = latestOf(latest, numbers.get(pageOf(key, count)));
  return latest;
}
