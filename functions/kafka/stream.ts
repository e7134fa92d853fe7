import type { Consumer } from '@platformatic/kafka';
import { TidemarkError } from '../core/arguments/error.ts';
import { type KafkaSource, partitionShard, shardPartition } from '../core/definition/kafka-source.ts';
import { type StreamSource, sourceOf } from '../edge/config.ts';
import type { Stream, Tail } from '../state/stream/stream.ts';
import { kafkaCredentials } from './credentials.ts';

/**
 * Reads that follow a partition before it counts as behind. They pass over what transactions leave behind, which are
 * not records.
 */
const mostReads = 20;

/** Bytes of one read. The only question is whether there is a record, and a broker gives a whole batch at least. */
const readBytes = 64 * 1024;

/**
 * How long (ms) a broker may take to be reached and to answer, and how often it is tried again. A batch must not wait
 * for brokers that are not there.
 */
const limits = { connectTimeout: 3_000, requestTimeout: 5_000, timeout: 5_000, retries: 2, retryDelay: 200 } as const;

/** The id of a topic on brokers that give none (before 2.8). */
const noTopicId = '00000000-0000-0000-0000-000000000000';

/**
 * Bits of a batch's attributes (https://kafka.apache.org/documentation/#recordbatch): a control batch holds the mark of
 * a transaction's end.
 */
const controlBatch = 0x20;

/** Kafka's numbers for the questions of ListOffsets and Fetch. */
const earliest = -2n;
const latest = -1n;
const readUncommitted = 0;

/** The topic of a function. */
export function openStream(config: StreamSource): Stream {
  return kafkaStream(sourceOf('kafka', config));
}

/**
 * A topic as its brokers have it: partitions are shards that never close, offsets are sequence numbers. Nothing here
 * joins a consumer group.
 */
export function kafkaStream(source: KafkaSource): Stream {
  const { topic } = source;
  let client: Promise<Consumer> | undefined;

  function connected(): Promise<Consumer> {
    client ??= connect(source);
    client.catch(() => {
      client = undefined;
    });
    return client;
  }

  /** The description of the topic by its brokers, now or a moment ago. */
  async function described(age: 'fresh' | 'known') {
    const consumer = await connected();
    const asked = consumer.metadata({ topics: [topic], forceUpdate: age === 'fresh', autocreateTopics: false });
    const cluster = await asked.catch((error: unknown) => {
      throw isUsers(error) ? absent(topic, error) : error;
    });
    const found = cluster.topics.get(topic);
    if (found === undefined) throw absent(topic);
    return { consumer, clusterId: cluster.id, topicId: found.id, partitions: found.partitions };
  }

  return {
    async identity() {
      const { clusterId, topicId } = await described('fresh');
      return { name: topic, id: topicId === noTopicId ? clusterId : topicId };
    },

    async listShards() {
      const { partitions } = await described('fresh');
      return partitions.map((_, partition) => ({ shardId: partitionShard(topic, partition), closed: false }));
    },

    async tail(shardId, after) {
      const partition = shardPartition(topic, shardId);
      const { consumer, topicId, partitions } = await described('known');
      const leader = partition === undefined ? undefined : partitions[partition]?.leader;
      if (partition === undefined || leader === undefined)
        throw new Error(`topic ${topic} has no partition ${shardId}`);
      try {
        return await tailOf(
          { consumer, topic, topicId, partition, leader },
          after === undefined ? undefined : BigInt(after),
        );
      } catch (error) {
        // Its leader may have moved.
        consumer.clearMetadata();
        throw error;
      }
    },
  };
}

async function connect(source: KafkaSource): Promise<Consumer> {
  // Loaded at the first question: it takes a while, which a function's start has no time for, and not every task of a
  // function asks one.
  const [{ Consumer: Client }, credentials] = await Promise.all([
    import('@platformatic/kafka'),
    kafkaCredentials(source),
  ]);
  // A group is named and not joined. Its positions are those of Lambda's pollers, which say nothing of the positions
  // that are committed here.
  return new Client({
    clientId: 'tidemark',
    groupId: 'tidemark',
    bootstrapBrokers: [...source.bootstrapServers],
    ...limits,
    ...credentials,
  });
}

interface Partition {
  readonly consumer: Consumer;
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly leader: number;
}

/**
 * Whether a partition holds a record after an offset. The end alone does not tell: a transaction ends with a mark that
 * has an offset and is not a record, and compaction takes records out. Lambda does not say whether it passes over
 * aborted records, so these count as records. So do the records of a transaction under way, for they may still come.
 * Neither can prove that there is no record.
 * @throws Error when the partition ends before the offset: it has lost records, and gives their offsets to others
 */
async function tailOf(partition: Partition, after: bigint | undefined): Promise<Tail> {
  let next = after === undefined ? 0n : after + 1n;
  for (let read = 0; read < mostReads; read++) {
    const found = await fetchAt(partition, next);
    if (found === undefined) {
      const [first, end] = await Promise.all([offsetAt(partition, earliest), offsetAt(partition, latest)]);
      if (next > end)
        throw new Error(
          `partition ${partitionShard(partition.topic, partition.partition)} ends at offset ${end}, and what came before ${next} is committed: ` +
            'its brokers have lost records (unclean leader election?), and new ones with their offsets would be taken for them',
        );
      next = first > next ? first : next;
      continue;
    }
    const { records = [], highWatermark, lastStableOffset } = found;
    let end = next;
    for (const batch of records) {
      const isRecord = (batch.attributes & controlBatch) === 0;
      if (isRecord && batch.records.some(({ offsetDelta }) => batch.firstOffset + BigInt(offsetDelta) >= next))
        return 'more';
      end = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
    }
    next = end > next ? end : next;
    if (lastStableOffset < highWatermark) return 'more';
    if (next >= highWatermark) return 'nothing';
  }
  return 'more';
}

/** The batches of a partition from an offset on; undefined: it does not hold this offset any more, or not yet. */
async function fetchAt({ consumer, topicId, partition, leader }: Partition, offset: bigint) {
  const from = {
    partition,
    fetchOffset: offset,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    partitionMaxBytes: readBytes,
  };
  try {
    const { responses } = await consumer.fetch({
      node: leader,
      topics: [{ topicId, partitions: [from] }],
      minBytes: 0,
      maxWaitTime: 0,
      isolationLevel: readUncommitted,
    });
    const found = responses[0]?.partitions[0];
    if (found === undefined) throw new Error(`a read of partition ${partition} was not answered`);
    return found;
  } catch (error) {
    if (isCode(error, 'OFFSET_OUT_OF_RANGE')) return undefined;
    throw error;
  }
}

async function offsetAt({ consumer, topic, partition }: Partition, timestamp: bigint): Promise<bigint> {
  const offsets = await consumer.listOffsets({ topics: [topic], partitions: { [topic]: [partition] }, timestamp });
  return offsets.get(topic)?.[partition] ?? 0n;
}

/** Whether the client's error is about the question, and not about the answer. */
function isUsers(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'PLT_KFK_USER';
}

/**
 * The error for a topic that the brokers do not have: the client finds nothing else wrong with a question for one
 * topic.
 */
function absent(topic: string, cause?: unknown): TidemarkError {
  return new TidemarkError(`topic: ${topic} does not exist: create it, or correct the name or the brokers`, { cause });
}

/** Whether an error of the client, or one of the errors in it, is Kafka's of that name. */
function isCode(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false;
  if ('apiId' in error && error.apiId === code) return true;
  return error instanceof AggregateError && error.errors.some((inner: unknown) => isCode(inner, code));
}
