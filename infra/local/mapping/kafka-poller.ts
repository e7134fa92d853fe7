import type { Consumer } from '@platformatic/kafka';
import { partitionShard } from '../../../functions/core/definition/kafka-source.ts';
import type { SequenceNumber } from '../../../functions/core/events/sequence-number.ts';
import { messageOf } from '../account/local-error.ts';
import type { InvokeAnswer } from '../lambda/function-client.ts';
import { endOf, eventRecords, type KafkaEventRecord, kafkaEventJson } from './kafka-records.ts';
import { batchLength } from './kinesis-event.ts';
import type { DeliverySettings } from './shard-consumer.ts';
import { createSignal } from './signal.ts';

/** What a poller is made of. */
export interface KafkaPollerSpec {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
  /** Pollers of one group share the partitions, and where each was read to. */
  readonly groupId: string;
  readonly delivery: DeliverySettings;
  /** Invokes the function with an event (JSON). */
  invoke(event: string): Promise<InvokeAnswer>;
  /** Is told how far a partition is delivered, after each invocation that succeeded and when the poller gets it. */
  onDelivered(shardId: string, last: SequenceNumber): void;
}

/** What is known of a poller, for people. */
export interface KafkaPollerStatus {
  readonly state: 'joining' | 'reading' | 'invoking' | 'retrying' | 'stopped';
  /** The shards that it has now. */
  readonly shards: readonly string[];
  readonly invocations: number;
  readonly lastError: string | null;
}

/** One of the event pollers of a mapping from Kafka. */
export interface KafkaPoller {
  /** Resolves when the group has let it in. */
  readonly joined: Promise<void>;
  status(): KafkaPollerStatus;
  /** Starts no further invocation, leaves the group and resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** Waits (ms) between attempts: the first, and the longest. */
const firstBackoffMs = 50;
const longestBackoffMs = 1_000;
/** How long (ms) a read waits for a record, and how long it takes to see that partitions were added. */
const readWaitMs = 250;
const lookEveryMs = 1_000;
/**
 * A killed poller's partitions are given to others after the session's time (ms), the least that brokers allow by
 * default.
 */
const session = { sessionTimeout: 6_000, rebalanceTimeout: 6_000, heartbeatInterval: 250 } as const;

/**
 * Polls a topic as Lambda's event pollers do: a member of a consumer group, one invocation at a time, a batch of
 * records of any of its partitions, each partition in order; after an error the same batch again, for ever, unless its
 * partitions went to another poller; positions are committed to the group after an invocation succeeded, so that
 * whoever has the partition next begins there: at least once.
 */
export function startKafkaPoller(spec: KafkaPollerSpec): KafkaPoller {
  const { topic, delivery } = spec;
  const wake = createSignal();
  let buffer: KafkaEventRecord[] = [];
  /** By partition: where the next read begins. */
  let positions = new Map<number, bigint>();
  let generation: string | undefined;
  let partitionCount: number | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let stopped = false;
  let state: KafkaPollerStatus['state'] = 'joining';
  let invocations = 0;
  let lastError: string | null = null;
  let enter: () => void = () => undefined;
  const joined = new Promise<void>((resolve) => {
    enter = resolve;
  });

  const generationOf = (consumer: Consumer): string => `${consumer.memberId}#${consumer.generationId}`;
  const isCurrent = (consumer: Consumer): boolean => consumer.isActive() && generationOf(consumer) === generation;

  async function pause(ms: number): Promise<void> {
    if (!stopped) await wake.wait(ms);
  }

  /** Partitions that were added are shared out when a member asks for it. */
  async function lookAtTopic(consumer: Consumer): Promise<void> {
    if (performance.now() - lookedAtMs < lookEveryMs) return;
    lookedAtMs = performance.now();
    const { topics } = await consumer.metadata({ topics: [topic], forceUpdate: true, autocreateTopics: false });
    const count = topics.get(topic)?.partitionsCount;
    if (partitionCount !== undefined && count !== partitionCount) {
      await consumer.leaveGroup();
      await consumer.joinGroup();
    }
    partitionCount = count;
  }

  /** After each sharing out of the partitions: what the group says is delivered is where reading begins. */
  async function takeAssignment(consumer: Consumer): Promise<void> {
    if (isCurrent(consumer)) return;
    if (!consumer.isActive()) await consumer.joinGroup();
    buffer = [];
    positions = new Map();
    generation = generationOf(consumer);
    const partitions = (consumer.assignments ?? []).flatMap((assignment) =>
      assignment.topic === topic ? assignment.partitions : [],
    );
    if (partitions.length > 0) {
      const committed = (await consumer.listCommittedOffsets({ topics: [{ topic, partitions }] })).get(topic) ?? [];
      for (const partition of partitions)
        positions.set(partition, await startOf(consumer, partition, committed[partition] ?? -1n));
    }
    enter();
    state = 'reading';
  }

  async function startOf(consumer: Consumer, partition: number, committed: bigint): Promise<bigint> {
    if (committed < 0n) return earliest(consumer, partition);
    if (committed > 0n) spec.onDelivered(partitionShard(topic, partition), String(committed - 1n));
    return committed;
  }

  async function earliest(consumer: Consumer, partition: number): Promise<bigint> {
    const offsets = await consumer.listOffsets({
      topics: [topic],
      partitions: { [topic]: [partition] },
      timestamp: -2n,
    });
    return offsets.get(topic)?.[partition] ?? 0n;
  }

  /** One read of all partitions into the buffer. Records of transactions that were not committed are passed over. */
  async function fill(consumer: Consumer, waitMs: number): Promise<void> {
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
        partitionMaxBytes: delivery.batchBytes,
      }));
      const limits = { minBytes: 1, maxBytes: delivery.batchBytes, maxWaitTime: waitMs, isolationLevel: 1 };
      return consumer.fetch({ node, topics: [{ topicId: known.id, partitions }], ...limits });
    });
    for (const answer of await Promise.all(reads)) take(answer);
  }

  function take({ responses }: Awaited<ReturnType<Consumer['fetch']>>): void {
    for (const { partitions } of responses)
      for (const { partitionIndex, records = [] } of partitions)
        for (const batch of records) {
          const from = positions.get(partitionIndex) ?? 0n;
          buffer.push(...eventRecords(topic, partitionIndex, batch, from));
          if (endOf(batch) > from) positions.set(partitionIndex, endOf(batch));
        }
  }

  /** Reads until a batch is due; 0: the partitions are being shared out anew. */
  async function gather(consumer: Consumer): Promise<number> {
    let deadlineMs: number | undefined;
    while (!stopped && isCurrent(consumer)) {
      const length = batchLength(buffer, delivery.batchSize, delivery.batchBytes);
      const isFull = buffer.length >= delivery.batchSize || length < buffer.length;
      const leftMs = deadlineMs === undefined ? readWaitMs : deadlineMs - performance.now();
      if (length > 0 && (isFull || leftMs <= 0)) return length;
      if (buffer.length === 0) await lookAtTopic(consumer);
      await fill(consumer, Math.ceil(Math.min(readWaitMs, leftMs)));
      if (buffer.length > 0) deadlineMs ??= performance.now() + delivery.batchWindowMs;
    }
    return 0;
  }

  async function deliver(consumer: Consumer, length: number): Promise<void> {
    const batch = buffer.slice(0, length);
    const event = kafkaEventJson(topic, spec.bootstrapServers, batch);
    for (
      let backoffMs = firstBackoffMs;
      !stopped && isCurrent(consumer);
      backoffMs = Math.min(longestBackoffMs, backoffMs * 2)
    ) {
      state = 'invoking';
      invocations++;
      const answer = await spec.invoke(event);
      if (answer.kind === 'success') {
        buffer.splice(0, length);
        await commit(consumer, batch);
        break;
      }
      lastError = answer.kind === 'unreachable' ? answer.reason : answer.payload.slice(0, 1_000);
      state = 'retrying';
      await pause(backoffMs);
    }
    state = 'reading';
  }

  async function commit(consumer: Consumer, batch: readonly KafkaEventRecord[]): Promise<void> {
    const last = new Map<number, bigint>();
    for (const { partition, offset } of batch) last.set(partition, offset);
    for (const [partition, offset] of last) spec.onDelivered(partitionShard(topic, partition), String(offset));
    const offsets = [...last].map(([partition, offset]) => ({
      topic,
      partition,
      offset: offset + 1n,
      leaderEpoch: -1,
    }));
    await consumer.commit({ offsets });
  }

  async function run(): Promise<void> {
    // Loaded here, for whoever reads Kinesis has no use for it.
    const kafka = await import('@platformatic/kafka');
    const consumer = new kafka.Consumer({
      clientId: 'tidemark-poller',
      groupId: spec.groupId,
      bootstrapBrokers: [...spec.bootstrapServers],
      retries: 2,
      retryDelay: 100,
      timeout: 10_000,
      ...session,
    });
    consumer.on('error', (error: Error) => {
      lastError = error.message;
    });
    consumer.topics.track(topic);
    while (!stopped) {
      try {
        await takeAssignment(consumer);
        if (positions.size === 0) {
          await pause(readWaitMs);
          await lookAtTopic(consumer);
          continue;
        }
        const length = await gather(consumer);
        if (length > 0) await deliver(consumer, length);
      } catch (error) {
        lastError = messageOf(error);
        // Positions may have moved to another poller, or a leader to another broker: all is asked for anew.
        generation = undefined;
        consumer.clearMetadata();
        await pause(readWaitMs);
      }
    }
    state = 'stopped';
    await consumer.close().catch(() => undefined);
  }

  const done = run();
  done.catch((error) => {
    lastError = messageOf(error);
  });
  return {
    joined,
    status: () => ({
      state,
      shards: [...positions.keys()].map((partition) => partitionShard(topic, partition)),
      invocations,
      lastError,
    }),
    async stop() {
      stopped = true;
      wake.ring();
      await done;
    },
  };
}
