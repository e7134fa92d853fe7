import path from 'node:path';
import type { MessageToProduce, Producer } from '@platformatic/kafka';
import { partitionShard } from '../../functions/core/definition/kafka-source.ts';
import { latestOf } from '../../functions/core/events/sequence-number.ts';
import type { Feeder, FeederOptions, FeederProgress } from '../../functions/feeder/feeder.ts';
import { createPace } from '../../functions/feeder/pace.ts';
import { type ReadLine, readFileChunks, readLines, recordLimitBytes } from '../../functions/formats/lines.ts';
import { kafkaClient } from './kafka-client.ts';
import { reach, type TopicPlace } from './kafka-topic.ts';

/** The options of a feeder of a topic. */
export interface KafkaFeederOptions extends TopicPlace, Pick<FeederOptions, 'eventsPerSecond' | 'onNotPut' | 'signal'> {
  /**
   * The key that decides the partition of a line, as for Kafka's own producers. A line without a key goes by the hash
   * of its bytes.
   * @default round the partitions
   */
  readonly partitionKey?: ((line: Buffer) => string | undefined) | undefined;
}

/**
 * The most that one call carries, in records and in bytes. Brokers take a megabyte a partition by default, and it
 * includes the bytes around each record.
 */
const mostMessages = 2_000;
const mostBytes = 900 * 1024;
/** The most bytes that a record takes besides its line and its key. */
const aroundBytes = 1_024;

/**
 * Half of the range of murmur2, which Kafka's producers use
 * (https://kafka.apache.org/documentation/#producerconfigs_partitioner.class).
 */
const positive = 0x7fffffff;

/**
 * A feeder of one topic. Each line is a record, and each partition keeps the order of the lines. It is an idempotent
 * producer: a call whose answer is lost is repeated, and the brokers take it once.
 */
export function createKafkaFeeder(options: KafkaFeederOptions): Feeder {
  const { topic, partitionKey, signal } = options;
  const counts = {
    bytesRead: 0,
    linesRead: 0,
    skipped: 0,
    notPut: 0,
    eventsPut: 0,
    recordsPut: 0,
    retried: 0,
    bytes: 0,
  };
  const greatest = new Map<string, string>();
  const pace = createPace(options.eventsPerSecond);
  let queue: MessageToProduce[] = [];
  let queueBytes = 0;
  let turn = 0;
  let opened: ReturnType<typeof open> | undefined;

  async function open() {
    const kafka = await kafkaClient();
    const bootstrapBrokers = [...options.bootstrapServers];
    const producer: Producer = new kafka.Producer({
      clientId: 'tidemark-feeder',
      bootstrapBrokers,
      idempotent: true,
      acks: -1,
      ...reach,
    });
    const partitions =
      (await producer.metadata({ topics: [topic], autocreateTopics: false })).topics.get(topic)?.partitionsCount ?? 1;
    return { producer, partitions, hash: (key: Buffer) => kafka.murmur2(key) & positive };
  }

  function connection(): ReturnType<typeof open> {
    opened ??= open();
    return opened;
  }

  async function send(): Promise<void> {
    if (queue.length === 0) return;
    const messages = queue;
    const bytes = queueBytes;
    queue = [];
    queueBytes = 0;
    const { producer } = await connection();
    const { offsets = [] } = await producer.send({ messages });
    // The answer has the first offset of each partition.
    const put = new Map<number, bigint>();
    for (const { partition = 0 } of messages) put.set(partition, (put.get(partition) ?? 0n) + 1n);
    for (const { partition, offset } of offsets) {
      const shardId = partitionShard(topic, partition);
      const last = String(offset + (put.get(partition) ?? 1n) - 1n);
      greatest.set(shardId, latestOf(greatest.get(shardId), last) ?? last);
    }
    counts.eventsPut += messages.length;
    counts.recordsPut += messages.length;
    counts.bytes += bytes;
  }

  async function place(read: ReadLine, name: string): Promise<void> {
    counts.linesRead += 1;
    const tooLong = 'kind' in read || read.line.length > recordLimitBytes - aroundBytes;
    if (tooLong) {
      counts.notPut += 1;
      options.onNotPut?.({ name, number: read.number, bytes: 'kind' in read ? read.bytes : read.line.length });
      return;
    }
    while (!pace.take()) {
      await send();
      await pace.nextTick(signal);
      if (signal?.aborted) return;
    }
    const { partitions, hash } = await connection();
    const key = partitionKey?.(read.line);
    const bytes = key === undefined ? undefined : Buffer.from(key);
    const partition = (partitionKey === undefined ? turn++ : hash(bytes ?? read.line)) % partitions;
    const size = read.line.length + (bytes?.length ?? 0);
    if (queue.length === mostMessages || queueBytes + size > mostBytes) await send();
    queue.push({ topic, partition, value: read.line, ...(bytes && { key: bytes }) });
    queueBytes += size;
  }

  const feeder: Feeder = {
    putFile(
      file,
      { chunks = (onBytes: (bytes: number) => void): AsyncIterable<Buffer> => readFileChunks(file, onBytes) } = {},
    ) {
      const onBytes = (bytes: number) => {
        counts.bytesRead += bytes;
      };
      return feeder.putLines(readLines(chunks(onBytes)), path.basename(file));
    },
    async putLines(lines, name) {
      for await (const read of lines) {
        if (signal?.aborted) break;
        for (const line of 'length' in read ? read : [read]) await place(line, name);
      }
      await send();
    },
    async flush() {
      await send();
      return new Map(greatest);
    },
    progress: (): FeederProgress => ({ ...counts }),
    async close() {
      const { producer } = (await opened?.catch(() => undefined)) ?? {};
      await producer?.close();
    },
  };
  return feeder;
}
