import { messageOf } from '../account/local-error.ts';
import type { InvokeAnswer } from '../lambda/function-client.ts';
import { batchOutcome } from './batch-outcome.ts';
import type { Checkpoints } from './checkpoints.ts';
import { batchLength, type EventRecord, eventJson } from './kinesis-event.ts';
import type { ShardSource } from './shard-source.ts';
import { createSignal } from './signal.ts';

/** The settings of an event source mapping that a shard needs. */
export interface DeliverySettings {
  readonly batchSize: number;
  readonly batchBytes: number;
  /** How long (ms) a batch is gathered; 0: whatever is there is delivered at once. */
  readonly batchWindowMs: number;
}

/** What is known of a shard's delivery, for people. */
export interface ShardStatus {
  readonly state: 'reading' | 'invoking' | 'retrying' | 'ended' | 'stopped';
  readonly checkpoint: string | null;
  readonly invocations: number;
  readonly lastError: string | null;
}

/** The delivery of one shard. */
export interface ShardConsumer {
  /** There may be something to read. */
  wake(): void;
  status(): ShardStatus;
  /** Starts no further invocation. */
  stop(): void;
  /** Resolves after the last invocation: `finished` when the shard was processed to its end. */
  readonly done: Promise<'finished' | 'stopped'>;
}

/** Waits (ms) between attempts: the first, and the longest. AWS does not publish its own. */
const firstBackoffMs = 50;
const longestBackoffMs = 1_000;
/** Waits (ms) between polls that find nothing. Hints make up for the long one. */
const firstPollMs = 250;
const longestPollMs = 1_000;
/** While a window gathers, the shard is read at most this often (ms). */
const windowPollMs = 100;

/**
 * Delivers one shard as Lambda's event source mapping does: in order, one invocation at a time, batches as large as the
 * settings allow; after an error the batch is delivered again from its first record that is not done, for ever; the
 * checkpoint moves only after an invocation succeeded. Between two invocations the next batch is read ahead.
 */
export function startShardConsumer(
  shardId: string,
  source: ShardSource,
  settings: DeliverySettings,
  checkpoints: Checkpoints,
  invoke: (event: string) => Promise<InvokeAnswer>,
): ShardConsumer {
  const signal = createSignal();
  const buffer: EventRecord[] = [];
  let ended = false;
  let stopped = false;
  /** Whether a read is worth its price before a hint or the next poll: at the start, and after one that was full. */
  let more = true;
  let state: ShardStatus['state'] = 'reading';
  let invocations = 0;
  let lastError: string | null = null;

  const nextLength = (): number => batchLength(buffer, settings.batchSize, settings.batchBytes);
  const isFull = (): boolean => buffer.length >= settings.batchSize || nextLength() < buffer.length;

  /** One read into the buffer; an error of Kinesis's is shown, and the next poll tries again. */
  async function fill(): Promise<void> {
    try {
      const read = await source.read();
      if (read.kind === 'ended') ended = true;
      else buffer.push(...read.records);
      more = read.kind === 'records' && read.more;
    } catch (error) {
      lastError = messageOf(error);
    }
  }

  /**
   * Reads until a batch is due. The next window begins when the previous invocation completes, as Lambda documents for
   * Kinesis.
   */
  async function gather(): Promise<number> {
    let deadlineMs = performance.now() + settings.batchWindowMs;
    let pollMs = firstPollMs;
    while (!stopped) {
      if (isFull() || (ended && buffer.length > 0)) return nextLength();
      if (ended) return 0;
      if (buffer.length === 0 && !more) {
        const rung = (await signal.wait(pollMs)) === 'rung';
        pollMs = rung ? firstPollMs : Math.min(longestPollMs, pollMs * 2);
        if (stopped) return 0;
      }
      await fill();
      if (isFull() || ended) continue;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 && buffer.length > 0) return nextLength();
      if (leftMs <= 0) deadlineMs = performance.now() + settings.batchWindowMs;
      if (buffer.length > 0) await pause(Math.min(windowPollMs, Math.max(1, leftMs)));
    }
    return 0;
  }

  /** Waits without being woken by hints, but by {@link ShardConsumer.stop}. */
  async function pause(ms: number): Promise<void> {
    const untilMs = performance.now() + ms;
    for (let leftMs = ms; leftMs > 0 && !stopped; leftMs = untilMs - performance.now())
      await signal.wait(Math.ceil(leftMs));
  }

  /** One attempt; returns how many of the records are done. */
  async function attempt(batch: readonly EventRecord[]): Promise<number> {
    invocations++;
    const answer = await invoke(eventJson(batch));
    if (answer.kind !== 'success') {
      lastError = answer.kind === 'unreachable' ? answer.reason : answer.payload.slice(0, 1_000);
      return 0;
    }
    const outcome = batchOutcome(
      answer.payload,
      batch.map((record) => record.sequenceNumber),
    );
    if (outcome.kind === 'done') return batch.length;
    lastError = outcome.reason;
    return outcome.done;
  }

  /** Delivers the first records of the buffer until all are done. */
  async function deliver(length: number): Promise<void> {
    let left = length;
    let backoffMs = firstBackoffMs;
    while (left > 0 && !stopped) {
      state = 'invoking';
      const ahead = more && !ended && buffer.length < left + settings.batchSize ? fill() : undefined;
      const done = await attempt(buffer.slice(0, left));
      await ahead;
      const last = buffer[done - 1];
      if (last !== undefined) {
        checkpoints.set(shardId, { sequenceNumber: last.sequenceNumber, finished: false });
        buffer.splice(0, done);
        left -= done;
        backoffMs = firstBackoffMs;
      } else {
        state = 'retrying';
        await pause(backoffMs);
        backoffMs = Math.min(longestBackoffMs, backoffMs * 2);
      }
    }
    state = 'reading';
  }

  async function run(): Promise<'finished' | 'stopped'> {
    while (!stopped) {
      const length = await gather();
      if (length > 0) await deliver(length);
      else if (ended && !stopped) {
        checkpoints.set(shardId, { ...checkpoints.get(shardId), finished: true });
        state = 'ended';
        return 'finished';
      }
    }
    state = 'stopped';
    return 'stopped';
  }

  return {
    wake: signal.ring,
    status: () => ({ state, checkpoint: checkpoints.get(shardId)?.sequenceNumber ?? null, invocations, lastError }),
    stop() {
      stopped = true;
      signal.ring();
    },
    done: run(),
  };
}
