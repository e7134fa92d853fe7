import { isoTime } from '../../functions/core/events/event-time.ts';
import { type Coverage, readCoverage } from '../../functions/feeder/coverage.ts';
import { createFeeder } from '../../functions/feeder/feeder.ts';
import { linePartitionKey } from '../../functions/feeder/partition-key.ts';
import type { FinalizeAnswer } from '../../functions/finalize.ts';
import { createKafkaFeeder } from '../feeder/kafka-feeder.ts';
import { formatNumber } from '../print/table.ts';
import type { FeedCheckpoint } from './feed-checkpoint.ts';
import { checkCommitted } from './fit.ts';
import type { RunningSystem, StreamSystemOptions } from './stream-system.ts';
import type { Trigger } from './triggers.ts';

/** Triggers on their way into an embedded system, and how far they are. */
export interface Feeding {
  /** Puts what the stream does not hold yet of a trigger. */
  put(trigger: Trigger): Promise<void>;
  /** Waits until all that was put is committed. */
  committed(): Promise<void>;
  /** Per shard, the last record that was put: a checkpoint's positions once it is committed. */
  positions(): Readonly<Record<string, string>>;
  /** What a person wants to know. */
  describe(answer: FinalizeAnswer): string;
  /** Lets go of its connections. */
  close(): Promise<void>;
}

/** What {@link createFeeding} needs. */
export interface FeedingOptions
  extends Pick<StreamSystemOptions, 'pipeline' | 'kafka' | 'eventsPerSecond'>,
    Pick<RunningSystem, 'system' | 'signal'> {
  readonly checkpoint: FeedCheckpoint;
  readonly start: 'fresh' | 'resume';
}

/** Begins where a checkpoint is. */
export async function createFeeding({
  pipeline,
  kafka,
  eventsPerSecond,
  system,
  signal,
  checkpoint,
  start,
}: FeedingOptions): Promise<Feeding> {
  const { kinesis, local } = system;
  const { streamName } = local;
  const positions = new Map(Object.entries(checkpoint.positions));
  if (start === 'resume') await checkCommitted(system.api, positions);
  // What the stream holds after the last checkpoint was put by a run that was killed: it is read back and not put
  // again.
  const skip: Coverage | undefined =
    start === 'fresh' ? undefined : await readCoverage({ kinesis, streamName, after: positions, signal });
  if (skip !== undefined) for (const [shardId, number] of skip.greatest) positions.set(shardId, number);
  const shared = { partitionKey: linePartitionKey(pipeline), eventsPerSecond, signal };
  const feeder =
    kafka === undefined ? createFeeder({ kinesis, streamName, ...shared }) : createKafkaFeeder({ ...kafka, ...shared });
  let final = 0;
  return {
    async put(trigger) {
      await trigger.put(feeder, skip);
      for (const [shardId, number] of await feeder.flush()) positions.set(shardId, number);
    },
    committed: () => system.committed(positions, signal),
    positions: () => Object.fromEntries(positions),
    close: async () => feeder.close?.(),
    describe({ watermark, windows, windowsOpen }) {
      const { eventsPut, skipped } = feeder.progress();
      final += windows;
      const time = watermark === null ? 'none yet' : isoTime(watermark);
      return `records in ${formatNumber(eventsPut + skipped)}, watermark ${time}, windows open ${windowsOpen}, final ${final}`;
    },
  };
}
