import { setTimeout as sleep } from 'node:timers/promises';
import { type KinesisClient, PutRecordsCommand, type PutRecordsResultEntry } from '@aws-sdk/client-kinesis';
import { TidemarkError } from '../core/arguments/error.ts';
import type { PackedRecord } from './pack.ts';

/**
 * The bounds of one PutRecords call. AWS takes 10 MiB since 2025, its emulators (and older accounts' quotas) 5 MiB,
 * keys included.
 */
export const callLimits = { records: 500, bytes: 5 * 1024 * 1024 } as const;

/**
 * Waits between the attempts of a call: exponential with full jitter
 * (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
 */
const backoff = { firstMs: 50, mostMs: 2000 };
/** So many attempts in a row without a single record stored (about a quarter of a minute) end the feed. */
const mostFruitlessAttempts = 20;
/** The errors of a whole call that mean "later", with nothing stored. */
const throttles = /^(ProvisionedThroughputExceededException|KMSThrottlingException|ThrottlingException|Throttling)$/;

/** A record as PutRecords takes it. */
export interface PutEntry {
  readonly data: Uint8Array;
  readonly partitionKey: string;
  /** @default the hash of the partition key */
  readonly explicitHashKey?: string;
}

/** The stream that records are put into, and the listener for stored records. */
export interface PutPlace<Entry extends PutEntry> {
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  readonly onStored: (record: Entry, shardId: string, sequenceNumber: string) => void;
}

/** The dependencies and listeners of {@link putRecords}. */
export interface PutOptions extends PutPlace<PackedRecord> {
  readonly onRetry: (records: number) => void;
  /** A number in [0, 1): the jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal | undefined;
}

/** A record that one call did not store, and Kinesis's reason. */
export interface Unstored<Entry extends PutEntry> {
  readonly record: Entry;
  readonly reason: string;
}

/**
 * Stores all of the records (at most {@link callLimits}), and puts those that failed again, until none is left. A
 * record that failed is overtaken by those of the same call that did not. PutRecords promises no more, and event time
 * does not need more as long as the watermark's delay covers the few seconds.
 * @throws the SDK's error when a call fails for good; TidemarkError when nothing is stored attempt after attempt
 */
export async function putRecords(records: readonly PackedRecord[], options: PutOptions): Promise<void> {
  let left = records;
  for (let fruitless = 0; left.length > 0; ) {
    const failed = await putOnce(left, options);
    const [first] = failed;
    if (first === undefined) return;
    fruitless = failed.length < left.length ? 0 : fruitless + 1;
    if (fruitless >= mostFruitlessAttempts) {
      throw new TidemarkError(
        `the stream ${options.streamName} stored none of ${failed.length} records in ${fruitless} attempts (${first.reason}): add shards or feed slower (--rate)`,
      );
    }
    options.onRetry(failed.length);
    await sleep(
      backoffMs(fruitless, options.random),
      undefined,
      options.signal === undefined ? {} : { signal: options.signal },
    );
    left = failed.map(({ record }) => record);
  }
}

/** How long to wait, ms, after so many attempts in a row that stored nothing. @param random in [0, 1): the jitter */
export function backoffMs(fruitless: number, random: () => number): number {
  return Math.min(backoff.mostMs, backoff.firstMs * 2 ** fruitless) * random();
}

/**
 * One PutRecords call, of at most {@link callLimits}. A throttled call stored nothing.
 * @returns the records that were not stored
 * @throws the SDK's error when the whole call fails for another reason: nobody knows then which records were stored
 */
export async function putOnce<Entry extends PutEntry>(
  records: readonly Entry[],
  place: PutPlace<Entry>,
): Promise<readonly Unstored<Entry>[]> {
  let answers: readonly PutRecordsResultEntry[];
  try {
    const call = new PutRecordsCommand({
      StreamName: place.streamName,
      Records: records.map(({ data, partitionKey, explicitHashKey }) => ({
        Data: data,
        PartitionKey: partitionKey,
        ExplicitHashKey: explicitHashKey,
      })),
    });
    answers = (await place.kinesis.send(call)).Records ?? [];
  } catch (error) {
    if (error instanceof Error && throttles.test(error.name))
      return records.map((record) => ({ record, reason: error.name }));
    throw error;
  }
  return records.flatMap((record, index) => {
    const answer = answers[index];
    if (answer?.ShardId !== undefined && answer.SequenceNumber !== undefined && answer.ErrorCode === undefined) {
      place.onStored(record, answer.ShardId, answer.SequenceNumber);
      return [];
    }
    return [{ record, reason: answer?.ErrorCode ?? 'no answer for it' }];
  });
}
