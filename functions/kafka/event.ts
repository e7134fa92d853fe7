import { argumentError } from '../core/arguments/error.ts';
import { partitionShard } from '../core/definition/kafka-source.ts';
import { inSequence } from '../core/events/sequence-number.ts';

/** A record as Lambda's event holds it, as far as it is read. */
export interface KafkaRecord {
  readonly offset: number;
  /** Epoch ms. */
  readonly timestamp: number;
  readonly timestampType: string;
  /** Base64; undefined where the record has none. */
  readonly key: string | undefined;
  /** Base64; undefined for a tombstone. */
  readonly value: string | undefined;
}

/** The records of one partition. */
export interface PartitionRecords {
  readonly partition: number;
  /** Ascending by offset, each offset once. Never empty. */
  readonly records: readonly KafkaRecord[];
}

const sources: readonly unknown[] = ['aws:kafka', 'SelfManagedKafka'];

/**
 * Checks the event that the function was invoked with, as {@link kinesisBatch} does. Offsets decide what is counted
 * once, so a batch of another topic or a hand-made event must not get as far as the tables. One event of Lambda's holds
 * records of any number of partitions.
 * @param topic the topic that the function belongs to
 * @throws TidemarkError that names the field
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html
 */
export function kafkaEvent(event: unknown, topic: string): readonly PartitionRecords[] {
  const { eventSource, records }: Readonly<Record<string, unknown>> = isObject(event) ? event : {};
  if (!sources.includes(eventSource))
    throw argumentError(
      'eventSource',
      eventSource,
      'is neither aws:kafka nor SelfManagedKafka: invoke this function by its event source mapping from Kafka only',
    );
  if (!isObject(records))
    throw argumentError('records', records, 'is not an object: give the event of a Kafka event source mapping');
  const byPartition = new Map<number, KafkaRecord[]>();
  for (const [name, list] of Object.entries(records)) {
    if (!Array.isArray(list))
      throw argumentError(`records.${name}`, list, 'is not a list: give the event of a Kafka event source mapping');
    for (const [i, each] of list.entries()) {
      const { partition, record } = kafkaRecord(`records.${name}[${i}]`, each, name, topic);
      const known = byPartition.get(partition);
      if (known === undefined) byPartition.set(partition, [record]);
      else known.push(record);
    }
  }
  return [...byPartition].map(([partition, own]) => ({
    partition,
    records: inSequence(own, ({ offset }) => String(offset)),
  }));
}

function kafkaRecord(
  field: string,
  record: unknown,
  list: string,
  topic: string,
): { readonly partition: number; readonly record: KafkaRecord } {
  if (!isObject(record))
    throw argumentError(field, record, 'is not a record: give the event of a Kafka event source mapping');
  const { partition, offset, timestamp, timestampType, key, value } = record;
  if (record.topic !== topic)
    throw argumentError(
      `${field}.topic`,
      record.topic,
      `is not topic ${topic}: give each topic a pipeline of its own, as a stream has one order of numbers`,
    );
  if (!isCount(partition))
    throw argumentError(`${field}.partition`, partition, 'is not a partition: give a whole number from 0 on');
  if (list !== partitionShard(topic, partition))
    throw argumentError(`${field}.partition`, partition, `is not the partition of its list: give Lambda's own event`);
  if (!isCount(offset))
    throw argumentError(`${field}.offset`, offset, 'is not an offset: give a whole number from 0 on');
  if (typeof timestamp !== 'number')
    throw argumentError(`${field}.timestamp`, timestamp, 'is not a time: give epoch milliseconds as a number');
  if (typeof timestampType !== 'string')
    throw argumentError(
      `${field}.timestampType`,
      timestampType,
      'is not a type of timestamp: give CREATE_TIME or LOG_APPEND_TIME',
    );
  return {
    partition,
    record: {
      offset,
      timestamp,
      timestampType,
      key: textOf(`${field}.key`, key),
      value: textOf(`${field}.value`, value),
    },
  };
}

function textOf(field: string, given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== 'string')
    throw argumentError(field, given, 'is not text: give bytes in Base64, or null for none');
  return given;
}

/**
 * Whether a value is a count. Offsets have 63 bits, and JSON 53: a topic takes a million records a second for 285 years
 * to get there.
 */
function isCount(given: unknown): given is number {
  return typeof given === 'number' && Number.isSafeInteger(given) && given >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
