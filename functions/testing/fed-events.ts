import { argumentError } from '../core/arguments/error.ts';
import type { Pipeline } from '../core/definition/pipeline.ts';
import { ownFieldsReader } from '../core/fold/read-event.ts';
import { readRaw, type StreamRecord } from '../core/fold/stream-record.ts';
import { rawEvents } from '../edge/raw-event.ts';
import { partitionKeyHash } from '../feeder/hash-range.ts';
import { eventPartitionKey } from '../feeder/partition-key.ts';

/** A record that goes to a shard, with the event as the test gave it. */
export interface FedRecord extends StreamRecord {
  readonly given: unknown;
  /** The position of its shard. */
  readonly shard: number;
}

/** Where records go, and when they arrive. */
export interface Arrival {
  /** The position of the shard; undefined: as the feeders choose it. */
  readonly shard: number | undefined;
  /** Epoch ms; undefined: each at its own event time, or when the one before it did, if that is later. */
  readonly arrivedAt: number | undefined;
  /** When the last record before them arrived, epoch ms; undefined: they are the first. */
  readonly clock: number | undefined;
}

/** All hash keys of Kinesis: as many as 128 bits have. */
const hashKeys = 2n ** 128n;

/**
 * Makes records of events, one a record, as a producer would put them. Events of a partition key go to one shard of
 * equal ranges of hash keys; those without one go round the shards.
 */
export function eventFeed(pipeline: Pipeline, shards: number) {
  const reader = ownFieldsReader(pipeline);
  let records = 0;
  let round = 0;
  const shardOf = (key: string | undefined): number =>
    key === undefined ? round++ % shards : Number((partitionKeyHash(key) * BigInt(shards)) / hashKeys);
  return (events: Iterable<unknown>, { shard, arrivedAt, clock }: Arrival): readonly FedRecord[] => {
    const read = Array.from(events, (given, i) => {
      const raw = rawEvents(bytesOf(given, i).toString('base64'), 0);
      // No event is too far in the future of a record that arrives at the end of time.
      const accepted = raw
        .map((event) => readRaw(reader, event, Number.POSITIVE_INFINITY))
        .filter((event) => event.outcome === 'accepted');
      const time = accepted.length === 0 ? undefined : Math.max(...accepted.map((event) => event.time));
      return { given, raw, time, key: accepted[0] && eventPartitionKey(pipeline, accepted[0].valid) };
    });
    let now = arrivedAt ?? clock ?? read.find(({ time }) => time !== undefined)?.time ?? 0;
    return read.map(({ given, raw, time, key }) => {
      if (arrivedAt === undefined && time !== undefined && time > now) now = time;
      return {
        given,
        shard: shard ?? shardOf(key),
        sequenceNumber: String(++records),
        arrival: now,
        partitionKey: key ?? String(records),
        events: raw,
      };
    });
  };
}

/** The bytes of an event: of text and bytes these, of anything else its JSON. */
function bytesOf(given: unknown, position: number): Buffer {
  if (typeof given === 'string' || given instanceof Uint8Array) return Buffer.from(given);
  let json: string | undefined;
  try {
    json = JSON.stringify(given);
  } catch {
    json = undefined;
  }
  if (json === undefined)
    throw argumentError(`events[${position}]`, given, 'has no JSON: give an object, or the text of an event');
  return Buffer.from(json);
}
