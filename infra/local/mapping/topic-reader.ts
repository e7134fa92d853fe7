import type { Consumer } from '@platformatic/kafka';
import { endOf, eventRecords, type KafkaEventRecord } from './kafka-records.ts';

/** The topic that is read, and the consumer group of the reader. */
export interface GroupMember {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
  readonly groupId: string;
}

/** A member of a consumer group, which reads the partitions that the group gives it. */
export interface TopicReader {
  /** Whether the partitions are still those that were taken last. */
  isCurrent(): boolean;
  /**
   * Takes the partitions that the group assigns. Joins the group first where that is due. Reading begins at the group's
   * committed positions.
   * @returns the partitions of which something was delivered, with the next offset
   */
  takeAssignment(): Promise<ReadonlyMap<number, bigint>>;
  partitions(): readonly number[];
  /** Checks, at most once a second, whether partitions were added. The group assigns them when a member asks for it. */
  lookAtTopic(): Promise<void>;
  /** Reads all partitions once. Records of transactions that were not committed are passed over. */
  read(mostBytes: number, waitMs: number): Promise<readonly KafkaEventRecord[]>;
  /** Commits the last delivered offset, by partition, to the group. */
  commit(last: ReadonlyMap<number, bigint>): Promise<void>;
  /**
   * Forgets all positions and leaders after an error, so that they are asked for anew. A partition may have moved to
   * another member, or a leader to another broker.
   */
  forget(): void;
  close(): Promise<void>;
}

/** The interval (ms) at which added partitions are looked for. */
const lookEveryMs = 1_000;
/**
 * The group's time-outs (ms). A killed poller's partitions go to others after the session's time, the least that
 * brokers allow by default.
 */
const session = { sessionTimeout: 6_000, rebalanceTimeout: 6_000, heartbeatInterval: 250 } as const;

/** A member that has not joined yet: {@link TopicReader.takeAssignment} joins. */
export async function joinGroup(member: GroupMember, onError: (error: Error) => void): Promise<TopicReader> {
  // Loaded here, because a reader of Kinesis does not need it.
  const kafka = await import('@platformatic/kafka');
  const consumer = new kafka.Consumer({
    clientId: 'tidemark-poller',
    groupId: member.groupId,
    bootstrapBrokers: [...member.bootstrapServers],
    retries: 2,
    retryDelay: 100,
    timeout: 10_000,
    ...session,
  });
  consumer.on('error', onError);
  consumer.topics.track(member.topic);
  return createReader(consumer, member.topic);
}

function createReader(consumer: Consumer, topic: string): TopicReader {
  /** The offset at which the next read begins, by partition. */
  let positions = new Map<number, bigint>();
  let generation: string | undefined;
  let partitionCount: number | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;

  const currentGeneration = (): string => `${consumer.memberId}#${consumer.generationId}`;

  /** The records of a read. Notes where the next read begins. */
  function taken({ responses }: Awaited<ReturnType<Consumer['fetch']>>): KafkaEventRecord[] {
    const found: KafkaEventRecord[] = [];
    for (const { partitions } of responses)
      for (const { partitionIndex, records = [] } of partitions)
        for (const batch of records) {
          const from = positions.get(partitionIndex) ?? 0n;
          found.push(...eventRecords(topic, partitionIndex, batch, from));
          if (endOf(batch) > from) positions.set(partitionIndex, endOf(batch));
        }
    return found;
  }

  return {
    isCurrent: () => consumer.isActive() && currentGeneration() === generation,
    async takeAssignment() {
      if (!consumer.isActive()) await consumer.joinGroup();
      positions = new Map();
      generation = currentGeneration();
      const partitions = (consumer.assignments ?? []).flatMap((assignment) =>
        assignment.topic === topic ? assignment.partitions : [],
      );
      const committed = await committedOffsets(consumer, topic, partitions);
      for (const partition of partitions)
        positions.set(partition, committed.get(partition) ?? (await earliest(consumer, topic, partition)));
      return new Map([...committed].filter(([, next]) => next > 0n));
    },
    partitions: () => [...positions.keys()],
    async lookAtTopic() {
      if (performance.now() - lookedAtMs < lookEveryMs) return;
      lookedAtMs = performance.now();
      const { topics } = await consumer.metadata({ topics: [topic], forceUpdate: true, autocreateTopics: false });
      const count = topics.get(topic)?.partitionsCount;
      if (partitionCount !== undefined && count !== partitionCount) {
        await consumer.leaveGroup();
        await consumer.joinGroup();
      }
      partitionCount = count;
    },
    async read(mostBytes, waitMs) {
      const answers = await fetchAll(consumer, topic, positions, { mostBytes, waitMs });
      return answers.flatMap(taken);
    },
    async commit(last) {
      const offsets = [...last].map(([partition, offset]) => ({
        topic,
        partition,
        offset: offset + 1n,
        leaderEpoch: -1,
      }));
      await consumer.commit({ offsets });
    },
    forget() {
      generation = undefined;
      consumer.clearMetadata();
    },
    close: () => consumer.close().catch(() => undefined),
  };
}

/** The next offset to deliver, of each partition of which the group has delivered anything. */
async function committedOffsets(
  consumer: Consumer,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, bigint>> {
  if (partitions.length === 0) return new Map();
  const request = { topics: [{ topic, partitions: [...partitions] }] };
  const committed = (await consumer.listCommittedOffsets(request)).get(topic) ?? [];
  const known = partitions.map((partition): [number, bigint] => [partition, committed[partition] ?? -1n]);
  return new Map(known.filter(([, next]) => next >= 0n));
}

async function earliest(consumer: Consumer, topic: string, partition: number): Promise<bigint> {
  const offsets = await consumer.listOffsets({
    topics: [topic],
    partitions: { [topic]: [partition] },
    timestamp: -2n,
  });
  return offsets.get(topic)?.[partition] ?? 0n;
}

/** One read at each broker that leads any of the partitions. */
async function fetchAll(
  consumer: Consumer,
  topic: string,
  positions: ReadonlyMap<number, bigint>,
  { mostBytes, waitMs }: { readonly mostBytes: number; readonly waitMs: number },
) {
  const { topics } = await consumer.metadata({ topics: [topic], autocreateTopics: false });
  const known = topics.get(topic);
  if (known === undefined) throw new Error(`topic ${topic} is gone`);
  const byLeader = new Map<number, { partition: number; fetchOffset: bigint }[]>();
  for (const [partition, fetchOffset] of positions) {
    const leader = known.partitions[partition]?.leader ?? -1;
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), { partition, fetchOffset }]);
  }
  const reads = [...byLeader].map(([node, from]) => {
    const partitions = from.map((each) => ({
      ...each,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      partitionMaxBytes: mostBytes,
    }));
    const limits = { minBytes: 1, maxBytes: mostBytes, maxWaitTime: waitMs, isolationLevel: 1 };
    return consumer.fetch({ node, topics: [{ topicId: known.id, partitions }], ...limits });
  });
  return Promise.all(reads);
}
