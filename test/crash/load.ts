import { setTimeout as sleep } from 'node:timers/promises';
import { type AwsJson, createAwsJson } from '../../infra/local/account/aws-json.ts';
import type { Made } from './events.ts';
import type { System } from './system.ts';

/** The name of the stream, which follows from the pipeline's. */
export const streamName = 'tidemark-crash';

/** The load on the stream and its records. */
export interface Load {
  /** Records that were acknowledged: their number by `shard:sequence number`. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** The partition keys of all records that were ever made. */
  readonly made: ReadonlySet<string>;
  readonly events: () => number;
  /** The number of records that were put again because no answer to the put came. */
  readonly putAgain: () => number;
  /**
   * The shard and the sequence number of one record that is put after this call. @throws the error of the system's
   * check
   */
  next(): Promise<{ readonly shardId: string; readonly sequenceNumber: string }>;
  /** Splits or merges a shard, if that is possible now. */
  reshard(kind: 'split' | 'merge', unit: number): Promise<boolean>;
  /** Makes no more records, and resolves when those that were made are acknowledged. */
  end(): Promise<void>;
}

/** The interval (ms) between puts, and the least and greatest number of records in one. */
const putEveryMs = 50;
const recordsAtLeast = 5;
const mostRecords = 35;
const againAfterMs = 20;

interface PutAnswer {
  readonly Records: readonly {
    readonly ShardId?: string;
    readonly SequenceNumber?: string;
    readonly ErrorCode?: string;
  }[];
}

interface Shard {
  readonly ShardId: string;
  readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string };
  readonly SequenceNumberRange: { readonly EndingSequenceNumber?: string };
}

/**
 * Puts records, one call after the other. Each call is repeated until it is acknowledged, through every death of the
 * system.
 */
export function startLoad(system: System, make: () => Made, sizes: () => number): Load {
  const acknowledged = new Map<string, string>();
  const made = new Set<string>();
  const waiting: ((at: { readonly shardId: string; readonly sequenceNumber: string }) => void)[] = [];
  let events = 0;
  let putAgain = 0;
  let ending = false;
  let client: { readonly url: string; readonly aws: AwsJson } | undefined;

  function kinesis(): AwsJson | undefined {
    const url = system.url();
    if (url === undefined) return undefined;
    if (client?.url !== url) {
      client?.aws.close();
      client = { url, aws: createAwsJson('kinesis', Number(new URL(url).port)) };
    }
    return client.aws;
  }

  async function put(records: readonly Made[]): Promise<void> {
    let first = true;
    for (let left = records; left.length > 0; ) {
      system.check();
      const aws = kinesis();
      const called = [...waiting.splice(0)];
      const answer = await aws
        ?.call<PutAnswer>('PutRecords', {
          StreamName: streamName,
          Records: left.map(({ data, partitionKey }) => ({
            Data: data.toString('base64'),
            PartitionKey: partitionKey,
          })),
        })
        .catch(() => undefined);
      if (aws !== undefined && !first) putAgain += left.length;
      if (aws !== undefined) first = false;
      left = left.filter(({ partitionKey }, i) => {
        const { ShardId, SequenceNumber } = answer?.Records[i] ?? {};
        if (ShardId === undefined || SequenceNumber === undefined) return true;
        acknowledged.set(`${ShardId}:${SequenceNumber}`, partitionKey);
        for (const tell of called.splice(0)) tell({ shardId: ShardId, sequenceNumber: SequenceNumber });
        return false;
      });
      waiting.push(...called);
      if (left.length > 0) await sleep(againAfterMs);
    }
  }

  async function go(): Promise<void> {
    while (!ending) {
      const began = performance.now();
      const records = Array.from(
        { length: Math.floor(recordsAtLeast + sizes() * (mostRecords - recordsAtLeast)) },
        make,
      );
      for (const { partitionKey, events: held } of records) {
        made.add(partitionKey);
        events += held;
      }
      await put(records);
      await sleep(Math.max(0, putEveryMs - (performance.now() - began)));
    }
  }

  const going = go();
  going.catch(() => undefined);

  return {
    acknowledged,
    made,
    events: () => events,
    putAgain: () => putAgain,
    next: () =>
      Promise.race([
        going.then(() => Promise.reject(new Error('the load has ended'))),
        new Promise<never>((resolve) => waiting.push(resolve as never)),
      ]),
    async reshard(kind, unit) {
      try {
        const aws = kinesis();
        const { Shards } = (await aws?.call<{ readonly Shards: readonly Shard[] }>('ListShards', {
          StreamName: streamName,
        })) ?? { Shards: [] };
        const open = Shards.filter((shard) => shard.SequenceNumberRange.EndingSequenceNumber === undefined).sort(
          (left, right) =>
            BigInt(left.HashKeyRange.StartingHashKey) < BigInt(right.HashKeyRange.StartingHashKey) ? -1 : 1,
        );
        const at = Math.floor(unit * (kind === 'split' ? open.length : open.length - 1));
        const [shard, neighbour] = [open[at], open[at + 1]];
        if (shard === undefined) return false;
        if (kind === 'split') {
          const middle =
            (BigInt(shard.HashKeyRange.StartingHashKey) + BigInt(shard.HashKeyRange.EndingHashKey)) / 2n + 1n;
          await aws?.call('SplitShard', {
            StreamName: streamName,
            ShardToSplit: shard.ShardId,
            NewStartingHashKey: String(middle),
          });
        } else {
          if (neighbour === undefined) return false;
          await aws?.call('MergeShards', {
            StreamName: streamName,
            ShardToMerge: shard.ShardId,
            AdjacentShardToMerge: neighbour.ShardId,
          });
        }
        return true;
      } catch {
        return false; // the system is dead at this moment, or the stream is being changed already
      }
    },
    async end() {
      ending = true;
      await going;
      client?.aws.close();
    },
  };
}
