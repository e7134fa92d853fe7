import type { Pipeline } from '../core/definition/pipeline.ts';
import { eventIdOf } from '../core/events/event-id.ts';
import type { HashRange } from '../core/events/hash-range.ts';
import { ownFieldsReader } from '../core/fold/read-event.ts';
import { readRaw, type StreamRecord } from '../core/fold/stream-record.ts';
import { inRange, partitionKeyHash } from '../feeder/hash-range.ts';

/**
 * The id of a record that deduplication may miss copies of: its partition key is its id and leads to another shard,
 * where the copies may be. Either its producer chose the shard by an explicit hash key, or the shard was split while
 * the record was on its way.
 * @param range the hash keys of the shard that the record is on
 * @returns undefined for every other record, packed ones too, and where the partition key is not the id: nobody can
 * tell then
 */
export function strayId(pipeline: Pipeline, record: StreamRecord | undefined, range: HashRange): string | undefined {
  const [event, ...more] = record?.events ?? [];
  if (pipeline.dedup === undefined || record === undefined || event === undefined || more.length > 0) return undefined;
  const read = readRaw(ownFieldsReader(pipeline), event, record.arrival);
  if (read.outcome === 'rejected' || read.id === undefined) return undefined;
  const keys = [
    eventIdOf(record.partitionKey),
    /^\d{1,15}$/.test(record.partitionKey) ? eventIdOf(Number(record.partitionKey)) : undefined,
  ];
  const isKey = keys.some(
    (key) => key !== undefined && !('refused' in key) && key.high === read.id?.high && key.low === read.id.low,
  );
  if (!isKey) return undefined;
  return inRange(range, partitionKeyHash(record.partitionKey)) ? undefined : record.partitionKey;
}
