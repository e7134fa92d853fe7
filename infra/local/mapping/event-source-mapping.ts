import type { AwsJson } from '../account/aws-json.ts';
import { messageOf } from '../account/local-error.ts';
import type { PutHint } from '../emulators/kinesis/put-hints.ts';
import type { InvokeAnswer } from '../lambda/function-client.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { DeliverySettings } from './delivery.ts';
import { type ShardConsumer, type ShardStatus, startShardConsumer } from './shard-consumer.ts';
import { createShardSource } from './shard-source.ts';
import { createSignal } from './signal.ts';

/** The settings of a mapping. */
export interface MappingSpec {
  readonly streamName: string;
  readonly kinesis: AwsJson;
  readonly checkpoints: Checkpoints;
  readonly delivery: DeliverySettings;
  /** Invokes the function with an event (JSON). */
  invoke(event: string): Promise<InvokeAnswer>;
}

/** The status of a shard. A shard waits until its parents are finished, is then delivered, and is finished at last. */
export type MappedShard = Omit<ShardStatus, 'state'> & {
  readonly state: ShardStatus['state'] | 'waitingForParents' | 'finished';
};

/** The progress of a mapping, for people and for callers that wait for a record to be processed. */
export interface MappingStatus {
  /** The number of changes of checkpoints. */
  readonly changes: number;
  readonly lastError: string | null;
  readonly shards: Readonly<Record<string, MappedShard>>;
}

/** An event source mapping from a Kinesis stream to a function. */
export interface EventSourceMapping {
  /** Resolves when the shards are known and delivery has begun. */
  readonly begun: Promise<void>;
  onHint(hint: PutHint): void;
  /** Reads all shards, and their list, now. */
  wakeAll(): void;
  status(): MappingStatus;
  /** The status once there were more than `changes` changes of checkpoints, or after a second. */
  statusAfter(changes: number): Promise<MappingStatus>;
  /** Starts no further invocation, and resolves when the last ones have ended. */
  stop(): Promise<void>;
}

interface Shard {
  readonly ShardId: string;
  readonly ParentShardId?: string;
  readonly AdjacentParentShardId?: string;
}

/** How long (ms) a status waits for a change. */
const statusWithinMs = 1_000;

/** The interval (ms) at which the shards are listed when no hint says that they changed. */
const listEveryMs = 1_000;

/**
 * Delivers all shards of the stream, from their oldest records on (TRIM_HORIZON). A shard that came from a split or a
 * merge starts only after its parents were processed to their ends, so that records of one partition key stay in order.
 */
export function startEventSourceMapping(spec: MappingSpec): EventSourceMapping {
  const consumers = new Map<string, ShardConsumer>();
  const relist = createSignal();
  let shards: readonly Shard[] = [];
  let lastError: string | null = null;
  let stopped = false;
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });

  const isFinished = (shardId: string): boolean => spec.checkpoints.get(shardId)?.finished === true;

  /**
   * Whether a shard's delivery may begin. A parent that the stream no longer lists is beyond its retention: nothing of
   * it is left to wait for.
   */
  function isDue(shard: Shard): boolean {
    const listed = new Set(shards.map((other) => other.ShardId));
    return [shard.ParentShardId, shard.AdjacentParentShardId].every(
      (parent) => parent === undefined || !listed.has(parent) || isFinished(parent),
    );
  }

  function startDueShards(): void {
    for (const shard of shards) {
      if (stopped || consumers.has(shard.ShardId) || isFinished(shard.ShardId) || !isDue(shard)) continue;
      const startAfter = spec.checkpoints.get(shard.ShardId)?.sequenceNumber;
      const source = createShardSource(spec.kinesis, spec.streamName, shard.ShardId, startAfter);
      const consumer = startShardConsumer(shard.ShardId, source, spec.delivery, spec.checkpoints, spec.invoke);
      consumers.set(shard.ShardId, consumer);
      void consumer.done.then(() => relist.ring());
    }
  }

  async function watchShards(): Promise<void> {
    while (!stopped) {
      try {
        shards = await listShards(spec.kinesis, spec.streamName);
        lastError = null;
        startDueShards();
        begin();
      } catch (error) {
        lastError = messageOf(error);
      }
      await relist.wait(listEveryMs);
    }
  }

  const watching = watchShards();

  function status(): MappingStatus {
    const entries = shards.map(({ ShardId }): [string, MappedShard] => {
      const checkpoint = spec.checkpoints.get(ShardId)?.sequenceNumber ?? null;
      const own = consumers.get(ShardId)?.status() ?? {
        state: 'waitingForParents',
        checkpoint,
        invocations: 0,
        lastError: null,
      };
      return [ShardId, isFinished(ShardId) ? { ...own, state: 'finished' } : own];
    });
    return { changes: spec.checkpoints.changes(), lastError, shards: Object.fromEntries(entries) };
  }

  return {
    begun,
    onHint(hint) {
      if ('resharded' in hint) relist.ring();
      else for (const shardId of hint.shards) consumers.get(shardId)?.wake();
    },
    wakeAll() {
      relist.ring();
      for (const consumer of consumers.values()) consumer.wake();
    },
    status,
    async statusAfter(changes) {
      await spec.checkpoints.changed(changes, statusWithinMs);
      return status();
    },
    async stop() {
      stopped = true;
      relist.ring();
      for (const consumer of consumers.values()) consumer.stop();
      await Promise.all([watching, ...[...consumers.values()].map((consumer) => consumer.done)]);
    },
  };
}

async function listShards(kinesis: AwsJson, StreamName: string): Promise<readonly Shard[]> {
  const shards: Shard[] = [];
  let page: object = { StreamName };
  for (;;) {
    const answer = await kinesis.call<{ readonly Shards: readonly Shard[]; readonly NextToken?: string }>(
      'ListShards',
      page,
    );
    shards.push(...answer.Shards);
    if (answer.NextToken === undefined) return shards;
    page = { NextToken: answer.NextToken };
  }
}
