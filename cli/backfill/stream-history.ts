import type { _Record, Shard } from '@aws-sdk/client-kinesis';
import type { RowsAt } from '../../functions/core/definition/lookup-table.ts';
import type { Lookups } from '../../functions/core/definition/lookups.ts';
import type { Pipeline } from '../../functions/core/definition/pipeline.ts';
import { createIdSet, type IdSet } from '../../functions/core/events/id-set.ts';
import { isAfter, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import type { RawEvent, StreamRecord } from '../../functions/core/fold/stream-record.ts';
import {
  createStaticRun,
  type StaticAnswer,
  type StaticPart,
  type StaticRun,
  staticAnswer,
} from '../../functions/core/static/static-run.ts';
import { readShard, type ShardPlace } from '../../functions/feeder/read-shard.ts';
import { listShards } from '../../functions/feeder/shards.ts';
import { streamRecords } from '../../functions/kinesis/records.ts';
import { shareRead } from './share-read.ts';

/** The options of {@link foldStream}. */
export interface StreamHistoryOptions extends ShardPlace {
  readonly pipeline: Pipeline;
  /** The rows of the table that the pipeline looks up in. @default it looks up in none */
  readonly lookups?: Lookups;
  /**
   * The last record of each shard that is read. Records of a shard that is not among them are left out.
   * @default up to the tip of every shard
   */
  readonly through?: Readonly<Record<string, SequenceNumber>> | undefined;
  /** The time now, epoch ms: what arrives later is not read. */
  readonly nowMs: number;
  /** Hears how many events have been read, and the share of the stream that is behind them, 0 to 1. */
  readonly onProgress: (events: number, share: number) => void;
}

/** The answer over a stream, and what it was made from. */
export interface StreamHistory extends StaticAnswer {
  /** The first and the last record that was read of each shard, by its name. */
  readonly shards: Readonly<Record<string, readonly [SequenceNumber, SequenceNumber]>>;
}

/**
 * The static query over the records that a stream still holds, up to its tip. Every record is read once, in the way of
 * the aggregate function. The order is of no importance, because the watermark has no part in it.
 */
export async function foldStream({
  lookups,
  through,
  nowMs,
  onProgress,
  ...place
}: StreamHistoryOptions): Promise<StreamHistory> {
  let rowsAt: RowsAt = () => undefined;
  const { pipeline } = place;
  const shards = await listShards(place.kinesis, place.streamName);
  const parts: StaticPart[] = [];
  const seen = new Map<string, IdSet>();
  const read: Record<string, readonly [SequenceNumber, SequenceNumber]> = {};
  let events = 0;
  for (const [done, shard] of shards.entries()) {
    const ids = pipeline.dedup && idsBefore(shard, seen, pipeline.dedup.withinMs);
    const run = createStaticRun(pipeline, { rowsAt: (arrivalMs) => rowsAt(arrivalMs), ids });
    const { ShardId = '' } = shard;
    const end = through?.[ShardId];
    const isWanted = (number: SequenceNumber) => through === undefined || (end !== undefined && !isAfter(number, end));
    const reading = shareRead(nowMs);
    for await (const records of readShard(place, shard, undefined)) {
      const wanted = decoded(records.filter(({ SequenceNumber = '' }) => isWanted(SequenceNumber)));
      const [first, last] = [wanted[0]?.sequenceNumber, wanted.at(-1)?.sequenceNumber];
      if (first === undefined || last === undefined) break; // behind the last one that is wanted
      read[ShardId] = [read[ShardId]?.[0] ?? first, last];
      if (lookups !== undefined) rowsAt = await lookups.rowsAt(wanted.map(({ arrival }) => arrival));
      for (const { arrival, events: found } of wanted) {
        rowsAt(arrival); // missing rows end the run: they would pass for a mistake of the events
        for (const raw of found) add(run, raw, arrival);
        events += found.length;
      }
      onProgress(events, (done + reading(records)) / shards.length);
    }
    parts.push(run.part());
    if (ids !== undefined) seen.set(ShardId, ids);
  }
  return { ...staticAnswer(pipeline, parts), shards: read };
}

/** Decodes records of GetRecords in the way of the aggregate function. */
export function decoded(records: readonly _Record[]): readonly StreamRecord[] {
  return streamRecords(
    records.map(({ SequenceNumber = '', PartitionKey = '', Data = new Uint8Array(), ApproximateArrivalTimestamp }) => ({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        sequenceNumber: SequenceNumber,
        partitionKey: PartitionKey,
        data: Buffer.from(Data).toString('base64'),
        approximateArrivalTimestamp: (ApproximateArrivalTimestamp?.getTime() ?? 0) / 1000,
      },
    })),
  );
}

/** The ids that the parents of a shard have logged: its own log starts from them. The stream lists parents first. */
function idsBefore(
  { ParentShardId, AdjacentParentShardId }: Shard,
  seen: ReadonlyMap<string, IdSet>,
  withinMs: number,
): IdSet {
  const ids = createIdSet(withinMs);
  for (const parent of [ParentShardId, AdjacentParentShardId]) {
    const before = parent === undefined ? undefined : seen.get(parent);
    if (before?.clockMs !== undefined) ids.advance(before.clockMs);
    before?.each(ids.note);
  }
  return ids;
}

function add(run: StaticRun, raw: RawEvent, arrivalMs: number): void {
  if (raw.text === undefined) run.addParsed(raw.parsed, arrivalMs);
  else if (typeof raw.text === 'string') run.add(raw.text, arrivalMs);
  else run.reject();
}
