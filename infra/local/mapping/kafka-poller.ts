import { partitionShard } from '../../../functions/core/definition/kafka-source.ts';
import type { SequenceNumber } from '../../../functions/core/events/sequence-number.ts';
import type { InvokeAnswer } from '../lambda/function-client.ts';
import { createDelivery, type DeliverySettings, type DeliveryStatus } from './delivery.ts';
import { type KafkaEventRecord, kafkaEventJson } from './kafka-records.ts';
import { createLoop } from './loop.ts';
import { joinGroup, type TopicReader } from './topic-reader.ts';

/** The settings of a poller. */
export interface KafkaPollerSpec {
  readonly topic: string;
  readonly bootstrapServers: readonly string[];
  /** The consumer group. Its pollers share the partitions, and the position in each. */
  readonly groupId: string;
  readonly delivery: DeliverySettings;
  /** Invokes the function with an event (JSON). */
  invoke(event: string): Promise<InvokeAnswer>;
  /**
   * Receives the last delivered record of a partition, after each invocation that succeeded and when the poller
   * receives the partition.
   */
  onDelivered(shardId: string, last: SequenceNumber): void;
}

/** The status of a poller, for people. */
export interface KafkaPollerStatus extends Omit<DeliveryStatus, 'state'> {
  readonly state: DeliveryStatus['state'] | 'joining' | 'stopped';
  /** The shards that the poller has now. */
  readonly shards: readonly string[];
}

/** One of the event pollers of a mapping from Kafka. */
export interface KafkaPoller {
  /** Resolves when the poller has joined the group. */
  readonly joined: Promise<void>;
  status(): KafkaPollerStatus;
  /** Starts no further invocation, leaves the group and resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** How long (ms) a read waits for a record. */
const readWaitMs = 250;

/**
 * Polls a topic as Lambda's event pollers do. The poller is a member of a consumer group. It makes one invocation at a
 * time, with a batch of records of any of its partitions, each partition in order. It leaves a batch when the
 * partitions went to another poller. It commits positions to the group after an invocation succeeded, so that the next
 * poller of the partition begins there.
 */
export function startKafkaPoller(spec: KafkaPollerSpec): KafkaPoller {
  const { topic, delivery: settings } = spec;
  const loop = createLoop();
  let reader: TopicReader | undefined;
  let phase: 'joining' | 'delivering' | 'stopped' = 'joining';
  let enter: () => void = () => undefined;
  const joined = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const delivery = createDelivery<KafkaEventRecord>({
    settings,
    event: (batch) => kafkaEventJson(topic, spec.bootstrapServers, batch),
    invoke: spec.invoke,
    // The mapping of a topic does not report single records: an answer counts for the whole batch.
    outcome: () => ({ kind: 'done' }),
    onDone: commit,
    goesOn: () => !loop.isStopped() && reader?.isCurrent() === true,
    pause: loop.pause,
  });
  const { buffer } = delivery;

  async function commit(batch: readonly KafkaEventRecord[]): Promise<void> {
    const last = new Map<number, bigint>();
    for (const { partition, offset } of batch) last.set(partition, offset);
    for (const [partition, offset] of last) spec.onDelivered(partitionShard(topic, partition), String(offset));
    await reader?.commit(last);
  }

  /** Takes the partitions after each assignment by the group. Reading begins at the group's committed positions. */
  async function takeAssignment(from: TopicReader): Promise<void> {
    if (from.isCurrent()) return;
    buffer.length = 0;
    for (const [partition, next] of await from.takeAssignment())
      spec.onDelivered(partitionShard(topic, partition), String(next - 1n));
    enter();
    phase = 'delivering';
  }

  /** Reads until a batch is due; 0: the partitions are being assigned anew. */
  async function gather(from: TopicReader): Promise<number> {
    let deadlineMs: number | undefined;
    while (!loop.isStopped() && from.isCurrent()) {
      const length = delivery.nextLength();
      const leftMs = deadlineMs === undefined ? readWaitMs : deadlineMs - performance.now();
      if (length > 0 && (delivery.isFull() || leftMs <= 0)) return length;
      if (buffer.length === 0) await from.lookAtTopic();
      buffer.push(...(await from.read(settings.batchBytes, Math.ceil(Math.min(readWaitMs, leftMs)))));
      if (buffer.length > 0) deadlineMs ??= performance.now() + settings.batchWindowMs;
    }
    return 0;
  }

  async function run(): Promise<void> {
    reader = await joinGroup(spec, delivery.note);
    while (!loop.isStopped()) {
      try {
        await takeAssignment(reader);
        if (reader.partitions().length === 0) {
          await loop.pause(readWaitMs);
          await reader.lookAtTopic();
          continue;
        }
        const length = await gather(reader);
        if (length > 0) await delivery.deliver(length);
      } catch (error) {
        delivery.note(error);
        reader.forget();
        await loop.pause(readWaitMs);
      }
    }
    phase = 'stopped';
    await reader.close();
  }

  const done = run();
  done.catch(delivery.note);
  return {
    joined,
    status() {
      const { state, ...rest } = delivery.status();
      const shards = (reader?.partitions() ?? []).map((partition) => partitionShard(topic, partition));
      return { state: phase === 'delivering' ? state : phase, shards, ...rest };
    },
    async stop() {
      loop.stop();
      await done;
    },
  };
}
