import { setTimeout as sleep } from 'node:timers/promises';
import { type KinesisClient, PutRecordsCommand, type PutRecordsResultEntry } from '@aws-sdk/client-kinesis';
import { TidemarkError } from '../errors.ts';
import type { PackedRecord } from './pack.ts';

/** The bounds of one PutRecords call. AWS takes 10 MiB since 2025, its emulators (and older accounts' quotas) 5 MiB, keys included. */
export const callLimits = { records: 500, bytes: 5 * 1024 * 1024 } as const;

/** Waits between the attempts of a call: exponential with full jitter (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/). */
const backoff = { firstMs: 50, mostMs: 2000 };
/** So many attempts in a row without a single record stored (about a quarter of a minute) end the feed. */
const mostFruitlessAttempts = 20;
/** Answers to a whole call that mean "later", with nothing stored. */
const throttles = /^(ProvisionedThroughputExceededException|KMSThrottlingException|ThrottlingException|Throttling)$/;

/** What `putRecords` needs and whom it tells. */
export interface PutOptions {
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  readonly onStored: (record: PackedRecord, shardId: string, sequenceNumber: string) => void;
  readonly onRetry: (records: number) => void;
  /** In [0, 1): the jitter. */
  readonly random: () => number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Stores all of the records (at most {@link callLimits}), putting again only those that failed, until none is left. A record
 * that failed is overtaken by those of the same call that did not: PutRecords promises no more, and event time does not
 * need it as long as the watermark's delay covers the few seconds.
 * @throws the SDK's error when a call fails for good; TidemarkError when nothing is stored attempt after attempt
 */
export async function putRecords(records: readonly PackedRecord[], options: PutOptions): Promise<void> {
  let left = records;
  for (let fruitless = 0; left.length > 0; ) {
    const { failed, reason } = await attempt(left, options);
    if (failed.length === 0) return;
    fruitless = failed.length < left.length ? 0 : fruitless + 1;
    if (fruitless >= mostFruitlessAttempts) {
      throw new TidemarkError(
        `the stream ${options.streamName} stored none of ${failed.length} records in ${fruitless} attempts (${reason}): add shards or feed slower (--rate)`,
      );
    }
    options.onRetry(failed.length);
    const ceiling = Math.min(backoff.mostMs, backoff.firstMs * 2 ** fruitless);
    await sleep(ceiling * options.random(), undefined, options.signal === undefined ? {} : { signal: options.signal });
    left = failed;
  }
}

async function attempt(records: readonly PackedRecord[], options: PutOptions): Promise<{ failed: readonly PackedRecord[]; reason: string }> {
  let answers: readonly PutRecordsResultEntry[];
  try {
    const call = new PutRecordsCommand({
      StreamName: options.streamName,
      Records: records.map(({ data, partitionKey, explicitHashKey }) => ({
        Data: data,
        PartitionKey: partitionKey,
        ExplicitHashKey: explicitHashKey,
      })),
    });
    answers = (await options.kinesis.send(call)).Records ?? [];
  } catch (error) {
    if (error instanceof Error && throttles.test(error.name)) return { failed: records, reason: error.name };
    throw error;
  }
  let reason = '';
  const failed = records.filter((record, index) => {
    const answer = answers[index];
    if (answer?.ShardId !== undefined && answer.SequenceNumber !== undefined && answer.ErrorCode === undefined) {
      options.onStored(record, answer.ShardId, answer.SequenceNumber);
      return false;
    }
    reason = answer?.ErrorCode ?? 'no answer for it';
    return true;
  });
  return { failed, reason };
}
