import type { InvokeAnswer } from '../lambda/function-client.ts';
import { batchOutcome } from './batch-outcome.ts';
import type { Checkpoints } from './checkpoints.ts';
import { createDelivery, type Delivery, type DeliverySettings, type DeliveryStatus } from './delivery.ts';
import { type EventRecord, eventJson } from './kinesis-event.ts';
import { createLoop } from './loop.ts';
import type { ShardSource } from './shard-source.ts';

/** The status of a shard's delivery, for people. */
export interface ShardStatus extends Omit<DeliveryStatus, 'state'> {
  readonly state: DeliveryStatus['state'] | 'ended' | 'stopped';
  readonly checkpoint: string | null;
}

/** The delivery of one shard. */
export interface ShardConsumer {
  /** Wakes the delivery, because there may be something to read. */
  wake(): void;
  status(): ShardStatus;
  /** Starts no further invocation. */
  stop(): void;
  /** Resolves after the last invocation: `finished` when the shard was processed to its end. */
  readonly done: Promise<'finished' | 'stopped'>;
}

/** The first and the longest wait (ms) between polls that find nothing. Hints make up for the long one. */
const firstPollMs = 250;
const longestPollMs = 1_000;
/** While a window gathers, the shard is read at most this often (ms). */
const windowPollMs = 100;

/**
 * Delivers one shard as Lambda's event source mapping does: in order, one invocation at a time, in batches as large as
 * the settings allow. The next batch is read ahead between two invocations.
 */
export function startShardConsumer(
  shardId: string,
  source: ShardSource,
  settings: DeliverySettings,
  checkpoints: Checkpoints,
  invoke: (event: string) => Promise<InvokeAnswer>,
): ShardConsumer {
  const loop = createLoop();
  let ended = false;
  /** Whether a read is worthwhile before a hint or the next poll: at the start, and after a full read. */
  let more = true;
  let end: 'ended' | 'stopped' | undefined;
  const delivery: Delivery<EventRecord> = createDelivery({
    settings,
    event: eventJson,
    invoke,
    outcome: (payload, batch) =>
      batchOutcome(
        payload,
        batch.map((record) => record.sequenceNumber),
      ),
    onDone(records) {
      const last = records.at(-1);
      if (last !== undefined) checkpoints.set(shardId, { sequenceNumber: last.sequenceNumber, finished: false });
    },
    goesOn: () => !loop.isStopped(),
    pause: loop.pause,
    readAhead: (left) => (more && !ended && buffer.length < left + settings.batchSize ? fill() : undefined),
  });
  const { buffer, isFull, nextLength } = delivery;

  /** Reads once into the buffer. An error of Kinesis is shown, and the next poll tries again. */
  async function fill(): Promise<void> {
    try {
      const read = await source.read();
      if (read.kind === 'ended') ended = true;
      else buffer.push(...read.records);
      more = read.kind === 'records' && read.more;
    } catch (error) {
      delivery.note(error);
    }
  }

  /**
   * Reads until a batch is due. The next window begins when the previous invocation completes, as Lambda documents for
   * Kinesis.
   */
  async function gather(): Promise<number> {
    let deadlineMs = performance.now() + settings.batchWindowMs;
    let pollMs = firstPollMs;
    while (!loop.isStopped()) {
      if (isFull() || (ended && buffer.length > 0)) return nextLength();
      if (ended) return 0;
      if (buffer.length === 0 && !more) {
        const rung = (await loop.wait(pollMs)) === 'rung';
        pollMs = rung ? firstPollMs : Math.min(longestPollMs, pollMs * 2);
        if (loop.isStopped()) return 0;
      }
      await fill();
      if (isFull() || ended) continue;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 && buffer.length > 0) return nextLength();
      if (leftMs <= 0) deadlineMs = performance.now() + settings.batchWindowMs;
      if (buffer.length > 0) await loop.pause(Math.min(windowPollMs, Math.max(1, leftMs)));
    }
    return 0;
  }

  async function run(): Promise<'finished' | 'stopped'> {
    while (!loop.isStopped()) {
      const length = await gather();
      if (length > 0) await delivery.deliver(length);
      else if (ended && !loop.isStopped()) {
        checkpoints.set(shardId, { ...checkpoints.get(shardId), finished: true });
        end = 'ended';
        return 'finished';
      }
    }
    end = 'stopped';
    return 'stopped';
  }

  return {
    wake: loop.wake,
    status() {
      const { state, invocations, lastError } = delivery.status();
      const checkpoint = checkpoints.get(shardId)?.sequenceNumber ?? null;
      return { state: end ?? state, checkpoint, invocations, lastError };
    },
    stop: loop.stop,
    done: run(),
  };
}
