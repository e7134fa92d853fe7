import { noEvents } from '../../../../functions/core/events/counters.ts';
import { eventReader } from '../../../../functions/core/fold/read-event.ts';
import { foldChunk, readRecords } from '../../../../functions/state/log/chunk.ts';
import { contentOf } from '../../../../functions/state/log/content.ts';
import type { AwsPipeline, AwsShard, FoldedBatch } from '../aws/aws-pipeline.ts';
import { type ScaleRecords, scaleRecords } from '../aws/scale-pipeline.ts';

/** A number that looks random and follows from its place. */
export function scattered(place: number, below: number): number {
  let mixed = Math.imul(place ^ 0x9e3779b9, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) % below;
}

/** Bytes of an entry beside its sections, about: what a batch is packed for. */
const besideBytes = 400;

/** Folds a batch with the code of aggregate, for shards whose batches are copies of it. */
export function foldedBatch({ pipeline }: AwsPipeline, given: ScaleRecords): FoldedBatch {
  const records = scaleRecords(given);
  const read = readRecords({ reader: eventReader(pipeline), ids: undefined }, records, 0);
  const { folds, added } = foldChunk(pipeline, read, { closedThrough: Number.NEGATIVE_INFINITY, counters: noEvents });
  const content = contentOf({ folds, ids: undefined }, besideBytes);
  if ('tooLargeTimes' in content) throw new Error('a batch that needs parts');
  return { content: content.attributes, added: { ...added, bytes: content.bytes } };
}

/** A stream of many shards, one batch each at a time. */
export interface ShardFeed {
  /** Batches of a shard that are folded; the others are copies of them. */
  readonly models: number;
  /** The batch of a model, by its number. */
  readonly batch: (model: number, number: number) => ScaleRecords;
  /** Batches in all, and the time from one to the next, in ms. */
  readonly batches: number;
  readonly everyMs: number;
  /** Ends it early. */
  readonly isOver?: () => boolean;
  readonly after?: (number: number) => void;
}

/**
 * Applies batches of all shards of a pipeline, each shard a little after the one before: shard 0 with aggregate's own
 * code, the others as copies of batches that were folded once.
 */
export async function feedShards(deployed: AwsPipeline, feed: ShardFeed): Promise<void> {
  const { shards, account } = deployed;
  const { models, batch, batches, everyMs, isOver = () => false } = feed;
  const [first, ...others] = shards;
  if (first === undefined) return;
  const real = deployed.aggregator(first);
  const began = account.time.now();
  const busy = new Map<AwsShard, Promise<unknown>>();
  for (let number = 0; number < batches && !isOver(); number++) {
    const due = began + number * everyMs;
    if (account.time.now() < due) await account.time.sleep(due - account.time.now());
    const folded = Array.from({ length: Math.min(models, others.length) }, (_, i) =>
      foldedBatch(deployed, batch(i + 1, number)),
    );
    const own = batch(0, number);
    const inTurn = (shard: AwsShard, delayMs: number, apply: () => Promise<unknown>) => {
      // A shard's batches follow one another: one invocation a shard.
      const before = busy.get(shard) ?? Promise.resolve();
      const work = before.then(() => account.time.sleep(delayMs)).then(apply);
      work.catch(() => {});
      busy.set(shard, work);
    };
    inTurn(first, 0, async () => {
      first.put = own.to;
      await real.apply(scaleRecords(own));
    });
    for (const [i, shard] of others.entries()) {
      const one = folded[i % folded.length];
      if (one === undefined) continue;
      inTurn(shard, ((i + 1) * everyMs) / shards.length / 2, async () => {
        shard.put = own.to;
        await deployed.applyFolded(shard, one);
      });
    }
    feed.after?.(number);
    if (number % 16 === 0) await Promise.all(busy.values());
  }
  await Promise.all(busy.values());
}

/** Shards by number. */
export function shardsOf(count: number): AwsShard[] {
  return Array.from({ length: count }, (_, number) => ({
    shardId: `shardId-${String(number).padStart(12, '0')}`,
    put: 0,
  }));
}
