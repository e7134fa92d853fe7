import { type Coverage, readCoverage } from '../../functions/feeder/coverage.ts';
import { createFeeder } from '../../functions/feeder/feeder.ts';
import { linePartitionKey } from '../../functions/feeder/partition-key.ts';
import type { FinalizeAnswer } from '../../functions/operations/advance.ts';
import { createKafkaFeeder } from '../feeder/kafka-feeder.ts';
import { formatNumber } from '../print/number-text.ts';
import { momentText } from '../print/time-text.ts';
import type { FeedCheckpoint } from './feed-checkpoint.ts';
import { checkCommitted } from './fit.ts';
import type { RunningSystem, StreamSystemOptions } from './stream-system.ts';
import type { Trigger } from './triggers.ts';

/** Triggers on their way into an embedded system, and their progress. */
export interface Feeding {
  /** Puts the lines of a trigger that the stream does not hold yet. */
  put(trigger: Trigger): Promise<void>;
  /** Waits until all records that were put are committed. */
  committed(): Promise<void>;
  /** The last record that was put, by shard. They are a checkpoint's positions once they are committed. */
  positions(): Readonly<Record<string, string>>;
  /** Takes the answer of a finalize run, for the progress. */
  note(answer: FinalizeAnswer): void;
  /** The progress as a text for a person. */
  describe(): string;
  /** Lets go of its connections. */
  close(): Promise<void>;
}

/** The options of {@link createFeeding}. */
export interface FeedingOptions
  extends Pick<StreamSystemOptions, 'pipeline' | 'kafka' | 'eventsPerSecond'>,
    Pick<RunningSystem, 'system' | 'signal'> {
  readonly checkpoint: FeedCheckpoint;
  readonly start: 'fresh' | 'resume';
}

/** Starts a feeding at a checkpoint. */
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
  // Records of the stream after the last checkpoint were put by a run that was killed. They are read back and not put
  // again.
  const skip: Coverage | undefined =
    start === 'fresh' ? undefined : await readCoverage({ kinesis, streamName, after: positions, signal });
  if (skip !== undefined) for (const [shardId, number] of skip.greatest) positions.set(shardId, number);
  const shared = { partitionKey: linePartitionKey(pipeline), eventsPerSecond, signal };
  const feeder =
    kafka === undefined ? createFeeder({ kinesis, streamName, ...shared }) : createKafkaFeeder({ ...kafka, ...shared });
  let final = 0;
  let last: FinalizeAnswer | undefined;
  return {
    async put(trigger) {
      await trigger.put(feeder, skip);
      for (const [shardId, number] of await feeder.flush()) positions.set(shardId, number);
    },
    committed: () => system.committed(positions, signal),
    positions: () => Object.fromEntries(positions),
    close: async () => feeder.close?.(),
    note(answer) {
      last = answer;
      final += answer.windows;
    },
    describe() {
      const { eventsPut, skipped } = feeder.progress();
      const records = `records ${formatNumber(eventsPut + skipped)}`;
      if (last === undefined) return records;
      const time = last.watermark === null ? 'none yet' : momentText(last.watermark);
      return `${records}, watermark ${time}, windows open ${formatNumber(last.windowsOpen)}, final ${formatNumber(final)}`;
    },
  };
}
