import type { RowsAt } from '../../functions/core/definition/lookup-table.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { noEvents } from '../../functions/core/events/counters.ts';
import { createIdSet } from '../../functions/core/events/id-set.ts';
import { eventReader } from '../../functions/core/fold/read-event.ts';
import { readRaw } from '../../functions/core/fold/stream-record.ts';
import { createDelayTable } from '../../functions/core/static/delay-table.ts';
import { readShard, type ShardPlace } from '../../functions/feeder/read-shard.ts';
import { listShards } from '../../functions/feeder/shards.ts';
import type { DelayResult } from '../static/delay-run.ts';
import { createRejections } from '../static/rejections.ts';
import type { RejectedSample } from '../static/static-engine.ts';
import { shareRead } from './share-read.ts';
import { decoded } from './stream-history.ts';

/** The options of {@link sampleDelay}. */
export interface DelaySampleOptions extends ShardPlace {
  readonly pipeline: Pipeline;
  /** The rows of the pipeline's table. @default it has none */
  readonly rowsAt?: RowsAt | undefined;
  readonly delaysMs: readonly number[];
  /** The earliest arrival of the records that are read; undefined: from the oldest record that the stream holds. */
  readonly from: Date | undefined;
  /** The greatest number of events that are read, over all shards. */
  readonly events: number;
  /** The time now, epoch ms. */
  readonly nowMs: number;
  /** Hears how many events have been read, and the share of the sample that they are, 0 to 1. */
  readonly onProgress: (events: number, share: number) => void;
}

/**
 * The delay table of the events that a live stream holds. Nobody notices that they are read. The sample is a stretch of
 * each shard without gaps, because an event is late by those before it: a tenth of the records would show a tenth of
 * the disorder. Each shard is measured by its own watermark. The watermark of the stream is never ahead of it, so no
 * more events are lost than are shown.
 */
export async function sampleDelay({
  pipeline,
  rowsAt,
  delaysMs,
  from,
  events: most,
  nowMs,
  onProgress,
  ...place
}: DelaySampleOptions): Promise<DelayResult> {
  const table = createDelayTable(pipeline, delaysMs);
  const reader = eventReader(pipeline, rowsAt);
  const counters = { ...noEvents };
  const rejections = createRejections<RejectedSample>();
  const shards = await listShards(place.kinesis, place.streamName);
  // The parents of a split that is long done hold nothing behind `from`: the part of its share that a shard leaves is
  // for the shards after it.
  for (const [done, { ShardId = '', ...shard }] of shards.entries()) {
    const ids = pipeline.dedup && createIdSet(pipeline.dedup.withinMs);
    const share = Math.ceil((most - counters.received) / (shards.length - done));
    const begin = counters.received;
    const end = begin + share;
    const reading = shareRead(nowMs);
    records: for await (const records of readShard(place, { ShardId, ...shard }, from && { arrivedAt: from })) {
      for (const { sequenceNumber, arrival, events } of decoded(records)) {
        for (const raw of events) {
          const read = readRaw(reader, raw, arrival);
          counters.received++;
          if (read.outcome === 'rejected') {
            counters.rejected++;
            const { reason, detail } = read;
            rejections.note({ path: `${ShardId} ${sequenceNumber}`, line: raw.subRecord, reason, detail });
          } else if (read.id !== undefined && ids?.judge(read.id, arrival) === 'duplicate') {
            counters.duplicate++;
          } else {
            counters[read.keys.some((key) => key !== undefined) ? 'counted' : 'filtered']++;
            table.add(read, ShardId);
          }
          if (counters.received >= end) break records;
        }
      }
      const behind = Math.max(reading(records), (counters.received - begin) / Math.max(1, share));
      onProgress(counters.received, (done + Math.min(1, behind)) / shards.length);
    }
  }
  return { table, counters, rejected: rejections.rejected, reasons: rejections.reasons };
}
