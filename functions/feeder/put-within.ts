import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs, callLimits, type PutEntry, type PutPlace, putOnce } from './put-records.ts';

/** Why a record is not stored for certain: the stream took no more, or nobody knows. */
export type NotStored = 'throttled' | 'unavailable';

/** The further settings of {@link putWithin}. */
export interface PutWithinOptions extends Pick<PutPlace<PutEntry>, 'kinesis' | 'streamName'> {
  /** How long to go on trying, ms. */
  readonly withinMs: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  /** A number in [0, 1): the jitter. */
  readonly random: () => number;
  /**
   * Called with the error of a call that failed for another reason than too much traffic, after the SDK's own attempts.
   */
  readonly onError: (error: unknown) => void;
}

/**
 * Puts records in order, in as few calls as the limits allow. Records that were not stored are put again, with backoff,
 * for a bounded time.
 * @returns the reasons of the records that are not stored; all other records are stored. At least once: a record that
 * is `unavailable` may be stored all the same
 */
export async function putWithin(
  records: readonly PutEntry[],
  options: PutWithinOptions,
): Promise<ReadonlyMap<PutEntry, NotStored>> {
  const { withinMs, now, random, onError } = options;
  const began = now();
  const outcomes = new Map<PutEntry, NotStored>();
  const place = {
    kinesis: options.kinesis,
    streamName: options.streamName,
    onStored: (record: PutEntry) => void outcomes.delete(record),
  };
  let left = records;
  for (let fruitless = 0; left.length > 0; ) {
    const again: PutEntry[] = [];
    for (const call of calls(left)) {
      if (now() - began >= withinMs) {
        for (const record of call) outcomes.set(record, outcomes.get(record) ?? 'unavailable');
        continue;
      }
      try {
        for (const { record } of await putOnce(call, place)) {
          again.push(record);
          outcomes.set(record, 'throttled');
        }
      } catch (error) {
        onError(error);
        for (const record of call) outcomes.set(record, 'unavailable');
      }
    }
    fruitless = again.length < left.length ? 0 : fruitless + 1;
    const waitMs = backoffMs(fruitless, random);
    if (again.length === 0 || now() - began + waitMs >= withinMs) return outcomes;
    await sleep(waitMs);
    left = again;
  }
  return outcomes;
}

/** The records in pieces of at most {@link callLimits}. */
function* calls(records: readonly PutEntry[]): Generator<readonly PutEntry[]> {
  let call: PutEntry[] = [];
  let bytes = 0;
  for (const record of records) {
    const own = record.data.length + Buffer.byteLength(record.partitionKey);
    if (call.length === callLimits.records || (call.length > 0 && bytes + own > callLimits.bytes)) {
      yield call;
      call = [];
      bytes = 0;
    }
    call.push(record);
    bytes += own;
  }
  if (call.length > 0) yield call;
}
