import { TidemarkError } from '../core/arguments/error.ts';
import { partitionShard } from '../core/definition/kafka-source.ts';
import { rejection } from '../core/fold/read-event.ts';
import type { RawEvent, StreamRecord } from '../core/fold/stream-record.ts';
import type { Batches } from '../edge/batches.ts';
import { type StreamSource, sourceOf } from '../edge/config.ts';
import { rawEvents } from '../edge/raw-event.ts';
import { type KafkaRecord, kafkaEvent } from './event.ts';

/** Latest arrival that is believed, in ms: the year 5138, as for Kinesis. ISO 8601 has to hold it. */
const latestArrivalMs = 1e14;

/**
 * The batches of an event source mapping from Kafka, MSK's or another cluster's: one for each partition that the event
 * holds records of.
 */
export function openBatches(config: StreamSource): Batches {
  const { topic } = sourceOf('kafka', config);
  return {
    of: (event) =>
      kafkaEvent(event, topic).map(({ partition, records }) => ({
        shardId: partitionShard(topic, partition),
        records: records.map(streamRecord),
        arrivalBy: records.every(({ timestampType }) => timestampType === 'LOG_APPEND_TIME') ? 'stream' : 'producer',
      })),
    answer(resumeAt) {
      if (resumeAt.length === 0) return { batchItemFailures: [] };
      // Lambda reads partial answers about Kafka in provisioned mode only. Otherwise it takes any answer for a success,
      // and records would be lost.
      throw new TidemarkError(
        `batch: no time was left for the records from offset ${resumeAt.join(', ')} on: Lambda repeats it, and what is committed is passed over`,
      );
    },
  };
}

function streamRecord({ offset, timestamp, key, value }: KafkaRecord): StreamRecord {
  return {
    sequenceNumber: String(offset),
    // A producer may have written any time there, and no record may stop a partition.
    arrival: Math.min(latestArrivalMs, Math.max(0, Math.round(timestamp))) || 0,
    partitionKey: key === undefined ? '' : Buffer.from(key, 'base64').toString(),
    events: value === undefined ? [tombstone] : rawEvents(value, 0),
  };
}

/**
 * A record without a value. In a compacted topic it says that its key is gone. It is not an event that could be
 * counted.
 */
const tombstone: RawEvent = {
  text: rejection('unparsable', 'no value: a tombstone'),
  subRecord: 0,
  bytes: () => new Uint8Array(),
};
