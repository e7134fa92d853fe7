import { latestOf } from '../../../functions/core/events/sequence-number.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { EventSourceMapping, MappedShard, MappingStatus } from './event-source-mapping.ts';
import { type KafkaPoller, type KafkaPollerSpec, startKafkaPoller } from './kafka-poller.ts';

/** The settings of a mapping from Kafka. */
export interface KafkaMappingSpec extends Omit<KafkaPollerSpec, 'onDelivered'> {
  /** The number of event pollers, at least 1. Lambda has as many as keep up, at most one a partition. */
  readonly pollers: number;
  /**
   * The delivered records, for callers that wait for them. Delivery itself goes on from the positions of the consumer
   * group, which the brokers keep.
   */
  readonly checkpoints: Checkpoints;
}

/** How long (ms) a status waits for a change. */
const statusWithinMs = 1_000;

/** Delivers a topic to the function, from the oldest records on, by pollers that share its partitions. */
export function startKafkaMapping(spec: KafkaMappingSpec): EventSourceMapping {
  const { checkpoints } = spec;
  const onDelivered: KafkaPollerSpec['onDelivered'] = (shardId, last) => {
    const sequenceNumber = latestOf(checkpoints.get(shardId)?.sequenceNumber, last) ?? last;
    checkpoints.set(shardId, { sequenceNumber, finished: false });
  };
  const pollers: readonly KafkaPoller[] = Array.from({ length: spec.pollers }, () =>
    startKafkaPoller({ ...spec, onDelivered }),
  );

  function status(): MappingStatus {
    const shards: Record<string, MappedShard> = {};
    const note = (shardId: string, own: Omit<MappedShard, 'checkpoint'>) => {
      shards[shardId] = { ...own, checkpoint: checkpoints.get(shardId)?.sequenceNumber ?? null };
    };
    for (const shardId of Object.keys(checkpoints.all()))
      note(shardId, { state: 'reading', invocations: 0, lastError: null });
    const statuses = pollers.map((poller) => poller.status());
    for (const { state, shards: own, invocations, lastError } of statuses)
      for (const shardId of own)
        note(shardId, { state: state === 'joining' ? 'reading' : state, invocations, lastError });
    return {
      changes: checkpoints.changes(),
      lastError: statuses.find(({ lastError }) => lastError !== null)?.lastError ?? null,
      shards,
    };
  }

  return {
    begun: Promise.all(pollers.map(({ joined }) => joined)).then(() => undefined),
    // There are no hints about records: a read waits for them at the broker.
    onHint: () => undefined,
    wakeAll: () => undefined,
    status,
    async statusAfter(changes) {
      await checkpoints.changed(changes, statusWithinMs);
      return status();
    },
    async stop() {
      await Promise.all(pollers.map((poller) => poller.stop()));
    },
  };
}
