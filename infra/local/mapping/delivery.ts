import { messageOf } from '../account/local-error.ts';
import type { InvokeAnswer } from '../lambda/function-client.ts';
import type { BatchOutcome } from './batch-outcome.ts';
import { batchLength } from './kinesis-event.ts';

/** The settings of an event source mapping that decide what a batch is. */
export interface DeliverySettings {
  readonly batchSize: number;
  readonly batchBytes: number;
  /** The time (ms) for which a batch is gathered; 0: records that are there are delivered at once. */
  readonly batchWindowMs: number;
}

/** The differences between the kinds of streams. */
export interface DeliverySpec<Item> {
  readonly settings: DeliverySettings;
  /** The function's event, JSON. */
  event(batch: readonly Item[]): string;
  invoke(event: string): Promise<InvokeAnswer>;
  /** The outcome of a batch, from the answer of an invocation that succeeded. */
  outcome(payload: string, batch: readonly Item[]): BatchOutcome;
  /** Receives the records that are done, in their order: the checkpoint. */
  onDone(records: readonly Item[]): void | Promise<void>;
  /** Whether to go on with the batch: the loop has not been stopped, and the records still belong to it. */
  goesOn(): boolean;
  /** Waits (ms) before the next attempt. */
  pause(ms: number): Promise<void>;
  /** Reads ahead while the function works on the first `left` records of the buffer. @default nothing */
  readAhead?(left: number): Promise<void> | undefined;
}

/** The status of a delivery, for people. */
export interface DeliveryStatus {
  readonly state: 'reading' | 'invoking' | 'retrying';
  readonly invocations: number;
  readonly lastError: string | null;
}

/** The delivery of records in order, one invocation at a time. */
export interface Delivery<Item> {
  /** The records that were read and are not done. */
  readonly buffer: Item[];
  /** The number of records in the buffer that the next batch has. */
  nextLength(): number;
  /** Whether the next batch cannot become larger. */
  isFull(): boolean;
  /** Delivers the first `length` records of the buffer, until all are done or {@link DeliverySpec.goesOn} is false. */
  deliver(length: number): Promise<void>;
  /** Shows an error of the stream in the status. */
  note(error: unknown): void;
  status(): DeliveryStatus;
}

/** The first and the longest wait (ms) between attempts. AWS does not publish its own. */
const firstBackoffMs = 50;
const longestBackoffMs = 1_000;

/**
 * Delivers as Lambda's event source mappings do. After an error the batch is delivered again from its first record that
 * is not done, for ever. Records are done only after an invocation succeeded, so that each is delivered at least once.
 */
export function createDelivery<Item extends { readonly bytes: number }>(spec: DeliverySpec<Item>): Delivery<Item> {
  const { batchSize, batchBytes } = spec.settings;
  const buffer: Item[] = [];
  let state: DeliveryStatus['state'] = 'reading';
  let invocations = 0;
  let lastError: string | null = null;

  const nextLength = (): number => batchLength(buffer, batchSize, batchBytes);

  /** One attempt; returns how many of the records are done. */
  async function attempt(batch: readonly Item[]): Promise<number> {
    state = 'invoking';
    invocations++;
    const answer = await spec.invoke(spec.event(batch));
    if (answer.kind !== 'success') {
      lastError = answer.kind === 'unreachable' ? answer.reason : answer.payload.slice(0, 1_000);
      return 0;
    }
    const outcome = spec.outcome(answer.payload, batch);
    if (outcome.kind === 'done') return batch.length;
    lastError = outcome.reason;
    return outcome.done;
  }

  async function retry(length: number): Promise<void> {
    let left = length;
    let backoffMs = firstBackoffMs;
    while (left > 0 && spec.goesOn()) {
      const ahead = spec.readAhead?.(left);
      const done = await attempt(buffer.slice(0, left));
      await ahead;
      if (done > 0) {
        left -= done;
        backoffMs = firstBackoffMs;
        await spec.onDone(buffer.splice(0, done));
      } else {
        state = 'retrying';
        await spec.pause(backoffMs);
        backoffMs = Math.min(longestBackoffMs, backoffMs * 2);
      }
    }
  }

  return {
    buffer,
    nextLength,
    isFull: () => buffer.length >= batchSize || nextLength() < buffer.length,
    deliver: (length) =>
      retry(length).finally(() => {
        state = 'reading';
      }),
    note(error) {
      lastError = messageOf(error);
    },
    status: () => ({ state, invocations, lastError }),
  };
}
