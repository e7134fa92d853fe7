import { partitionShard } from '../../../functions/core/definition/kafka-source.ts';
import type { SequenceNumber } from '../../../functions/core/events/sequence-number.ts';
import type { InvokeAnswer } from '../lambda/function-client.ts';
import { createDelivery, type DeliverySettings, type DeliveryStatus } from './delivery.ts';
import { type KafkaEventRecord, kafkaEventJson } from './kafka-records.ts';
import { createLoop } from './loop.ts';
import { joinGroup, type TopicReader } from './topic-reader.ts';

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
export interface KafkaPollerStatus extends Omit<DeliveryStatus, 'state'> {
  readonly state: DeliveryStatus['state'] | 'joining' | 'stopped';
  /** The shards that it has now. */
  readonly shards: readonly string[];
}

/** One of the event pollers of a mapping from Kafka. */
export interface KafkaPoller {
  /** Resolves when the group has let it in. */
  readonly joined: Promise<void>;
  status(): KafkaPollerStatus;
  /** Starts no further invocation, leaves the group and resolves when the last one has ended. */
  stop(): Promise<void>;
}

/** How long (ms) a read waits for a record. */
const readWaitMs = 250;

/**
 * Polls a topic as Lambda's event pollers do: a member of a consumer group, one invocation at a time, a batch of
 * records of any of its partitions, each partition in order; a batch is left when its partitions went to another
 * poller; positions are committed to the group after an invocation succeeded, so that whoever has the partition next
 * begins there.
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
    // The mapping of a topic does not report single records: an answer is for the whole batch.
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

  /** After each sharing out of the partitions: what the group says is delivered is where reading begins. */
  async function takeAssignment(from: TopicReader): Promise<void> {
    if (from.isCurrent()) return;
    buffer.length = 0;
    for (const [partition, next] of await from.takeAssignment())
      spec.onDelivered(partitionShard(topic, partition), String(next - 1n));
    enter();
    phase = 'delivering';
  }

  /** Reads until a batch is due; 0: the partitions are being shared out anew. */
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
