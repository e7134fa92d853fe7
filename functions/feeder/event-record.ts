import { createHash } from 'node:crypto';
import { recordLimitBytes } from '../formats/lines.ts';
import { partitionKeyHash } from './hash-range.ts';
import { longestPartitionKey } from './partition-key.ts';
import type { PutEntry } from './put-records.ts';

/** Text that UTF-8 cannot hold and Kinesis does not take. */
const loneSurrogate = /\p{Surrogate}/u;

/**
 * One event as a record of its own, on the shard of its partition key, as the feeders would put it. The hash of a key
 * stands for it when Kinesis does not take it as it is.
 * @param key the event's partition key
 * @returns undefined when it is longer than a record may be
 */
export function eventRecord(data: Uint8Array, key: string): PutEntry | undefined {
  const entry: PutEntry =
    key.length > longestPartitionKey || loneSurrogate.test(key)
      ? {
          data,
          partitionKey: createHash('md5').update(key).digest('hex'),
          explicitHashKey: partitionKeyHash(key).toString(),
        }
      : { data, partitionKey: key };
  return data.length + Buffer.byteLength(entry.partitionKey) <= recordLimitBytes ? entry : undefined;
}
