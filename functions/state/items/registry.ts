import { grouped } from '../../core/definition/grouped.ts';
import type { Query } from '../../core/definition/pipeline.ts';
import { type Item, type Key, setOf, type Table } from '../table/table.ts';
import { partitionOf, partitionsOf } from './partition.ts';

/**
 * A bucket of one shard: the records of a slice that are applied while `closesAt` is its first open closing and `count`
 * its page count.
 */
export interface Bucket {
  readonly slice: number;
  readonly closesAt: number;
  readonly count: number;
}

/** A registered bucket, as the finalizer and the readers see it. */
export interface RegisteredBucket extends Bucket {
  readonly shardId: string;
  readonly query: string;
}

/**
 * How many slices share a registry item, so that an item of a few registrations a slice stays near one write unit, and
 * a shard that lags by a year of minutes spreads over many items.
 */
const slicesPerSpan = 32;

/** The item that holds a slice's registrations. */
function spanKey(shardId: string, query: Query, slice: number): Key {
  return {
    pk: partitionOf('registry', shardId),
    sk: `${shardId}#${query.name}#${Math.floor(slice / (query.window.sliceMs * slicesPerSpan))}`,
  };
}

const bucketText = (bucket: Bucket) => `${bucket.slice}#${bucket.closesAt}#${bucket.count}`;

function bucketsOf(item: Item): Bucket[] {
  return Array.from(setOf(item, 'buckets'), (text) => bucketOf(item, text));
}

/** The buckets of one slice: its neighbours in the item are not even read, there may be some hundred of them. */
function bucketsOfSlice(item: Item | undefined, slice: number): Bucket[] {
  const buckets: Bucket[] = [];
  if (item === undefined) return buckets;
  const prefix = `${slice}#`;
  for (const text of setOf(item, 'buckets')) if (text.startsWith(prefix)) buckets.push(bucketOf(item, text));
  return buckets;
}

function bucketOf(item: Item, text: string): Bucket {
  const [slice, closesAt, count] = text.split('#').map(Number);
  if (slice === undefined || closesAt === undefined || !(count !== undefined && count >= 1))
    throw new Error(`registry item ${item.pk} / ${item.sk}: unexpected ${text}`);
  return { slice, closesAt, count };
}

/** The registered buckets of one slice. */
export async function readSliceRegistry(
  state: Table,
  shardId: string,
  query: Query,
  slice: number,
): Promise<readonly Bucket[]> {
  return bucketsOfSlice(await state.get(spanKey(shardId, query, slice)), slice);
}

/**
 * Registers a bucket by one atomic ADD (idempotent) and returns all registered buckets of its slice, its own among
 * them.
 */
export async function registerBucket(
  state: Table,
  shardId: string,
  query: Query,
  bucket: Bucket,
): Promise<readonly Bucket[]> {
  const answer = await state.update(spanKey(shardId, query, bucket.slice), {
    addToSet: { buckets: new Set([bucketText(bucket)]) },
  });
  if (answer.outcome === 'refused') throw new Error('an unconditional update was refused');
  return bucketsOfSlice(answer.item, bucket.slice);
}

/** Every registered bucket of the pipeline. */
export async function readRegistry(state: Table): Promise<readonly RegisteredBucket[]> {
  const items = await Promise.all(partitionsOf('registry').map((partition) => state.query(partition)));
  return items.flat().flatMap((item) => {
    const [shardId, query] = item.sk.split('#');
    if (shardId === undefined || query === undefined)
      throw new Error(`registry item ${item.pk} / ${item.sk}: unexpected key`);
    return bucketsOf(item).map((bucket) => ({ ...bucket, shardId, query }));
  });
}

/**
 * Takes buckets of one query out of the registry (idempotent), and removes the items that are left empty. Only the
 * finalizer may.
 */
export async function removeBuckets(
  state: Table,
  query: Query,
  buckets: readonly RegisteredBucket[],
  limit: <T>(call: () => Promise<T>) => Promise<T>,
): Promise<void> {
  const spans = grouped(buckets, (bucket) => spanKey(bucket.shardId, query, bucket.slice).sk);
  await Promise.all(
    [...spans.values()].map((ofSpan) =>
      limit(async () => {
        const [first] = ofSpan;
        if (first === undefined) return;
        const key = spanKey(first.shardId, query, first.slice);
        const answer = await state.update(key, { removeFromSet: { buckets: new Set(ofSpan.map(bucketText)) } });
        // Conditional: a registration that came in between keeps the item.
        if (answer.outcome === 'applied' && bucketsOf(answer.item).length === 0)
          await state.delete(key, [{ attribute: 'buckets', is: 'absent' }]);
      }),
    ),
  );
}

/** Deletes the registrations of a query that is gone, each item after what `deletePages` does with its slices. */
export async function deleteRegistrations(
  state: Table,
  query: string,
  deletePages: (shardId: string, slice: number) => Promise<void>,
): Promise<void> {
  const items = (await Promise.all(partitionsOf('registry').map((partition) => state.query(partition)))).flat();
  await Promise.all(
    items.map(async (item) => {
      const [shardId, of] = item.sk.split('#');
      if (shardId === undefined || of !== query) return;
      for (const slice of new Set(bucketsOf(item).map((bucket) => bucket.slice))) await deletePages(shardId, slice);
      await state.delete({ pk: item.pk, sk: item.sk });
    }),
  );
}
