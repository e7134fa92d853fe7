import type { PackedRecord } from './pack.ts';
import { callLimits } from './put-records.ts';

/**
 * A queue of records with one PutRecords call in flight. All records of a shard go through one lane, so a later call of
 * the shard never overtakes an earlier one. Calls are as full as the limits allow; only `drain` sends less.
 */
export interface Lane {
  /**
   * Queues a record. The promise is pending while another full call waits already (a producer awaits it, so memory
   * stays bounded), and rejected once a call has failed.
   */
  add(record: PackedRecord): Promise<void> | undefined;
  /** Sends the queued records without waiting for them. */
  send(): void;
  /** Sends the queued records and waits until everything is stored. Throws the error of a call that failed. */
  drain(): Promise<void>;
}

/** @param put stores all of up to 500 records and 5 MB; when it throws, the lane throws the same from then on */
export function createLane(put: (records: readonly PackedRecord[]) => Promise<void>): Lane {
  let queue: PackedRecord[] = [];
  let queueBytes = 0;
  let waiting = 0;
  let broken = false;
  let stored: Promise<void> = Promise.resolve();

  function send(): void {
    if (queue.length === 0) return;
    const records = queue;
    queue = [];
    queueBytes = 0;
    waiting += 1;
    stored = stored
      .then(() => put(records))
      .finally(() => {
        waiting -= 1;
      });
    stored.catch(() => {
      broken = true; // the next call of add or drain throws the same
    });
  }

  return {
    add(record) {
      if (queue.length === callLimits.records || queueBytes + record.bytes > callLimits.bytes) send();
      queue.push(record);
      queueBytes += record.bytes;
      return waiting > 1 || broken ? stored : undefined;
    },
    send,
    async drain() {
      send();
      await stored;
    },
  };
}
