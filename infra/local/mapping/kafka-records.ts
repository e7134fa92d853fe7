import type { RecordsBatch } from '@platformatic/kafka';
import { partitionShard } from '../../../functions/core/definition/kafka-source.ts';

/** A record of a partition, as JSON text in the form that it has in the function's event. */
export interface KafkaEventRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly json: string;
  /** The length of `json` in UTF-8, by which Lambda measures an event. */
  readonly bytes: number;
}

/** Bits of a batch's attributes (https://kafka.apache.org/documentation/#recordbatch). */
const logAppendTime = 0x08;
const controlBatch = 0x20;

/**
 * The records of a batch from an offset on, field for field as in Lambda's event. The markers of transactions are left
 * out.
 */
export function eventRecords(
  topic: string,
  partition: number,
  batch: RecordsBatch,
  from: bigint,
): readonly KafkaEventRecord[] {
  if ((batch.attributes & controlBatch) !== 0) return [];
  const byBroker = (batch.attributes & logAppendTime) !== 0;
  const found: KafkaEventRecord[] = [];
  for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
    const offset = batch.firstOffset + BigInt(offsetDelta);
    if (offset < from) continue;
    const json = JSON.stringify({
      topic,
      partition,
      offset: Number(offset),
      timestamp: Number(byBroker ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta),
      timestampType: byBroker ? 'LOG_APPEND_TIME' : 'CREATE_TIME',
      ...(key !== null && { key: key.toString('base64') }),
      ...(value !== null && { value: value.toString('base64') }),
      headers: headers.map(([name, content]) => ({ [String(name ?? '')]: [...(content ?? [])] })),
    });
    found.push({ partition, offset, json, bytes: Buffer.byteLength(json) });
  }
  return found;
}

/** The offset after the last record of a batch. */
export function endOf(batch: RecordsBatch): bigint {
  return batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
}

/** The function's event, as JSON text, with a list of records for each partition. */
export function kafkaEventJson(
  topic: string,
  bootstrapServers: readonly string[],
  records: readonly KafkaEventRecord[],
): string {
  const lists = new Map<string, string[]>();
  for (const { partition, json } of records) {
    const name = partitionShard(topic, partition);
    const list = lists.get(name);
    if (list === undefined) lists.set(name, [json]);
    else list.push(json);
  }
  const servers = JSON.stringify(bootstrapServers.join(','));
  const body = [...lists].map(([name, list]) => `${JSON.stringify(name)}:[${list.join(',')}]`).join(',');
  return `{"eventSource":"SelfManagedKafka","bootstrapServers":${servers},"records":{${body}}}`;
}
