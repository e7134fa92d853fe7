import type { KinesisClient } from '@aws-sdk/client-kinesis';
import pLimit from 'p-limit';
import type { HashRange } from '../core/events/hash-range.ts';
import { latestOf } from '../core/events/sequence-number.ts';
import { inRange, wholeRange } from './hash-range.ts';
import { readShard } from './read-shard.ts';
import { parseRecordName, type RecordName } from './record-name.ts';
import { listShards } from './shards.ts';

/** The lines of the feeder's inputs that a stream already holds. */
export interface Coverage {
  /**
   * Whether a line of an input (by its name in the stream) is in the stream.
   * @param hash the hash of the line's partition key; undefined when records go round the shards. A line that was put
   * by key is not found without it.
   */
  covers(name: string, line: number, hash?: bigint): boolean;
  /**
   * Per shard, the greatest sequence number of the feeder's records that were found. All of them are committed once
   * these are.
   */
  readonly greatest: ReadonlyMap<string, string>;
  /** How many of the feeder's records were found. */
  readonly records: number;
}

/** Shards read at a time. */
const shardsAtOnce = 8;

/** The stream to read, and the sequence numbers to begin from. */
export interface ReadCoverageOptions {
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Per shard, the sequence number (a checkpoint) to begin after. A shard that is missing is read from its oldest
   * record.
   */
  readonly after?: ReadonlyMap<string, string>;
}

/**
 * Reads all shards of a stream, closed parents included, from the given positions to the tip, and tells which lines are
 * there. It only finds records that the stream still retains and that come after the positions in `after`.
 */
export async function readCoverage(options: ReadCoverageOptions): Promise<Coverage> {
  const builder = createCoverage();
  const limit = pLimit(shardsAtOnce);
  const shards = await listShards(options.kinesis, options.streamName);
  await Promise.all(
    shards.map((shard) =>
      limit(async () => {
        const after = options.after?.get(shard.ShardId ?? '');
        for await (const records of readShard(options, shard, after === undefined ? undefined : { after })) {
          for (const { PartitionKey = '', SequenceNumber = '' } of records) {
            const record = parseRecordName(PartitionKey);
            if (record !== undefined) builder.add(record, shard.ShardId ?? '', SequenceNumber);
          }
        }
      }),
    ),
  );
  return builder.build();
}

/** Lines `first` to `last`, both inclusive. */
interface Span {
  readonly first: number;
  last: number;
}

/**
 * Collects the names of records. `build` sorts and joins their spans, so that a question is a binary search for each
 * hash range.
 */
export function createCoverage(): {
  add(record: RecordName, shardId: string, sequenceNumber: string): void;
  build(): Coverage;
} {
  const found = new Map<string, Map<string, { range: HashRange; spans: Span[] }>>();
  const greatest = new Map<string, string>();
  let records = 0;
  return {
    add({ name, first, last, range }, shardId, sequenceNumber) {
      records += 1;
      greatest.set(shardId, latestOf(greatest.get(shardId), sequenceNumber) ?? sequenceNumber);
      const ofName = found.get(name) ?? new Map<string, { range: HashRange; spans: Span[] }>();
      found.set(name, ofName);
      const key = `${range.first}-${range.last}`;
      const ofRange = ofName.get(key) ?? { range, spans: [] };
      ofName.set(key, ofRange);
      ofRange.spans.push({ first, last });
    },
    build() {
      for (const ofName of found.values()) for (const ofRange of ofName.values()) ofRange.spans = join(ofRange.spans);
      return {
        greatest,
        records,
        covers(name, line, hash) {
          for (const { range, spans } of found.get(name)?.values() ?? []) {
            const applies =
              hash === undefined
                ? range.first === wholeRange.first && range.last === wholeRange.last
                : inRange(range, hash);
            if (applies && includes(spans, line)) return true;
          }
          return false;
        },
      };
    },
  };
}

function join(spans: Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans.sort((a, b) => a.first - b.first)) {
    const previous = joined.at(-1);
    if (previous !== undefined && span.first <= previous.last + 1) previous.last = Math.max(previous.last, span.last);
    else joined.push({ ...span });
  }
  return joined;
}

function includes(spans: readonly Span[], line: number): boolean {
  let low = 0;
  let high = spans.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const span = spans[middle];
    if (span === undefined || line < span.first) high = middle - 1;
    else if (line > span.last) low = middle + 1;
    else return true;
  }
  return false;
}
