import { hash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { accountId } from '../../account/account.ts';
import { invalidArgument, KinesisError } from './kinesis-error.ts';
import { createShardLog, DamagedSegment, openShardLog, type ShardLog, segmentNames } from './shard-log.ts';
import { readStreams, type ShardDescription, type StreamDescription, writeStreams } from './stream-file.ts';

/** A stream with its records. */
export interface Stream {
  readonly description: StreamDescription;
  /** The records of each shard, by its index. */
  readonly logs: readonly ShardLog[];
  /** The open shards, in the order of their hash keys. */
  readonly open: readonly OpenShard[];
}

/** An open shard, and its last hash key: 32 hexadecimal digits. */
interface OpenShard {
  readonly shard: number;
  readonly lastHash: string;
}

/** The streams of the emulated Kinesis. Each change is kept when its call returns. */
export interface Streams {
  names(): readonly string[];
  /** @throws KinesisError `ResourceNotFoundException` */
  get(name: string): Stream;
  /** @throws KinesisError `ResourceInUseException` or `LimitExceededException` */
  create(name: string, shards: number, mode: StreamDescription['mode']): void;
  delete(name: string): void;
  setRetention(name: string, retentionHours: number): void;
  /** @throws KinesisError `InvalidArgumentException`, `ResourceInUseException` or `LimitExceededException` */
  split(name: string, shard: number, newHashKey: bigint): void;
  /** Merges two shards, of which the first has the lower hash keys. @throws as {@link Streams.split} */
  merge(name: string, shards: readonly [number, number]): void;
}

/** The arguments of {@link openStreams}. */
export interface StreamsOptions {
  /** The folder that keeps the streams; undefined: in memory. */
  readonly folder: string | undefined;
  /** Epoch ms. */
  readonly now: () => number;
}

/** The most open shards of all streams: more than anybody needs here. */
const shardLimit = 10_000;
const hashKeys = 2n ** 128n;
/** The retention of a new stream, which is also the least one. */
export const leastRetentionHours = 24;

/**
 * Opens the streams of a folder: reads and checks all that it keeps. Nothing is changed.
 * @throws Error, one line, when a file is damaged or missing
 */
export function openStreams({ folder, now }: StreamsOptions): Streams {
  const streams = new Map<string, Stream>();
  const nowSeconds = (): number => Math.floor(now() / 1000);
  for (const description of folder === undefined ? [] : readStreams(folder))
    streams.set(description.name, openStream(description, folder ?? '', now()));

  function get(name: string): Stream {
    const stream = streams.get(name);
    if (stream === undefined)
      throw new KinesisError('ResourceNotFoundException', `Stream ${name} under account ${accountId} not found.`);
    return stream;
  }

  /** Keeps a change, and only then lets it be seen. */
  function keep(name: string, description: StreamDescription | undefined, logs: readonly ShardLog[]): void {
    const descriptions = [...streams.values()].map((stream) => stream.description).filter((each) => each.name !== name);
    if (folder !== undefined)
      writeStreams(folder, description === undefined ? descriptions : [...descriptions, description]);
    if (description === undefined) streams.delete(name);
    else streams.set(name, { description, logs, open: openShards(description.shards) });
  }

  function checkLimit(more: number): void {
    const open = [...streams.values()].reduce((sum, stream) => sum + stream.open.length, 0);
    if (open + more > shardLimit)
      throw new KinesisError(
        'LimitExceededException',
        `This request would exceed the limit of ${shardLimit} open shards: there are ${open}, and it asks for ${more} more.`,
      );
  }

  /** Closes shards and puts others in their place. */
  function replace(
    name: string,
    closed: readonly number[],
    ranges: readonly Pick<ShardDescription, 'firstHashKey' | 'lastHashKey'>[],
  ): void {
    const { description, logs } = get(name);
    checkLimit(ranges.length - closed.length);
    const parents = closed.map((shard) => shardOf(description, shard));
    const closedSeconds = Math.max(nowSeconds(), ...parents.map((parent) => parent.createdSeconds));
    // The numbers of a child are greater than those of its parents.
    const createdSeconds = closedSeconds + 1;
    const shards = [
      ...description.shards.map((shard, i) => (closed.includes(i) ? { ...shard, closedSeconds } : shard)),
      ...ranges.map((range) => ({ ...range, createdSeconds, parents: closed })),
    ];
    const fresh = ranges.map((_, i) => freshLog(description, description.shards.length + i));
    keep(name, { ...description, shards }, [...logs, ...fresh]);
  }

  const freshLog = (description: StreamDescription, shard: number): ShardLog =>
    createShardLog(folder === undefined ? undefined : { folder: join(folder, description.folder), shard });

  return {
    names: () => [...streams.keys()].sort(),
    get,
    create(name, count, mode) {
      if (streams.has(name))
        throw new KinesisError('ResourceInUseException', `Stream ${name} under account ${accountId} already exists.`);
      checkLimit(count);
      const createdSeconds = nowSeconds();
      const description: StreamDescription = {
        name,
        folder: folder === undefined ? '' : freshFolder(folder),
        mode,
        createdSeconds,
        retentionHours: leastRetentionHours,
        shards: evenRanges(count).map((range) => ({ ...range, createdSeconds, parents: [] })),
      };
      keep(
        name,
        description,
        description.shards.map((_, shard) => freshLog(description, shard)),
      );
    },
    delete(name) {
      const { description } = get(name);
      keep(name, undefined, []);
      if (folder !== undefined) rmSync(join(folder, description.folder), { recursive: true, force: true });
    },
    setRetention(name, retentionHours) {
      const { description, logs } = get(name);
      keep(name, { ...description, retentionHours }, logs);
    },
    split(name, shard, newHashKey) {
      const { firstHashKey, lastHashKey } = openShardOf(get(name).description, shard);
      if (newHashKey <= BigInt(firstHashKey) + 1n || newHashKey >= BigInt(lastHashKey))
        throw invalidArgument(
          `NewStartingHashKey ${newHashKey} used in SplitShard() on shard ${shardIdOf(shard)} in stream ${name} under account ${accountId} is not both greater than one plus the shard's StartingHashKey ${firstHashKey} and less than the shard's EndingHashKey ${lastHashKey}.`,
        );
      replace(
        name,
        [shard],
        [
          { firstHashKey, lastHashKey: String(newHashKey - 1n) },
          { firstHashKey: String(newHashKey), lastHashKey },
        ],
      );
    },
    merge(name, [lower, upper]) {
      const { description } = get(name);
      const { firstHashKey, lastHashKey: middle } = openShardOf(description, lower);
      const { firstHashKey: next, lastHashKey } = openShardOf(description, upper);
      if (BigInt(middle) + 1n !== BigInt(next))
        throw invalidArgument(
          `Shards ${shardIdOf(lower)} and ${shardIdOf(upper)} in stream ${name} under account ${accountId} are not an adjacent pair of shards eligible for merging.`,
        );
      replace(name, [lower, upper], [{ firstHashKey, lastHashKey }]);
    },
  };
}

/** The name of a shard. */
export function shardIdOf(shard: number): string {
  return `shardId-${String(shard).padStart(12, '0')}`;
}

/** @throws KinesisError `ResourceNotFoundException` for the name of a shard that the stream does not have */
export function shardNamed({ name, shards }: StreamDescription, shardId: string): number {
  const shard = /^(?:shardId-)?\d{1,12}$/.test(shardId) ? Number(shardId.replace('shardId-', '')) : Number.NaN;
  if (shards[shard] === undefined)
    throw new KinesisError(
      'ResourceNotFoundException',
      `Could not find shard ${shardId} in stream ${name} under account ${accountId}.`,
    );
  return shard;
}

/** The description of a shard that the stream has. */
export function shardOf({ name, shards }: StreamDescription, shard: number): ShardDescription {
  const found = shards[shard];
  if (found === undefined) throw new Error(`stream ${name} has no shard ${shard}`);
  return found;
}

function openShardOf(description: StreamDescription, shard: number): ShardDescription {
  const found = shardOf(description, shard);
  if (found.closedSeconds !== undefined)
    throw invalidArgument(`Shard ${shardIdOf(shard)} in stream ${description.name} is closed already.`);
  return found;
}

/** The open shard that takes records of a hash key (32 hexadecimal digits). */
export function shardFor({ open }: Stream, hashKey: string): number {
  let low = 0;
  let high = open.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((open[middle]?.lastHash ?? '') < hashKey) low = middle + 1;
    else high = middle;
  }
  return open[low]?.shard ?? 0;
}

/** The hash key of a partition key: 32 hexadecimal digits. */
export function hashKeyOf(partitionKey: string): string {
  return hash('md5', partitionKey);
}

/**
 * A hash key that a producer gave, as 32 hexadecimal digits.
 * @throws KinesisError `InvalidArgumentException` beyond 2^128
 */
export function explicitHashKey(decimal: string): string {
  const value = BigInt(decimal);
  if (value >= hashKeys)
    throw invalidArgument(
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${decimal}`,
    );
  return value.toString(16).padStart(32, '0');
}

function openShards(shards: readonly ShardDescription[]): readonly OpenShard[] {
  return shards
    .flatMap(({ closedSeconds, lastHashKey }, shard) =>
      closedSeconds === undefined ? [{ shard, lastHash: BigInt(lastHashKey).toString(16).padStart(32, '0') }] : [],
    )
    .sort((a, b) => (a.lastHash < b.lastHash ? -1 : 1));
}

function evenRanges(count: number): readonly Pick<ShardDescription, 'firstHashKey' | 'lastHashKey'>[] {
  const size = hashKeys / BigInt(count);
  return Array.from({ length: count }, (_, i) => ({
    firstHashKey: String(size * BigInt(i)),
    lastHashKey: String((i === count - 1 ? hashKeys : size * BigInt(i + 1)) - 1n),
  }));
}

/** Makes a stream's folder. Its name is a number, for a stream's name may differ from another's in case only. */
function freshFolder(folder: string): string {
  const taken = readdirSync(folder).filter((name) => /^\d+$/.test(name));
  const name = String(1 + Math.max(0, ...taken.map(Number)));
  mkdirSync(join(folder, name));
  return name;
}

function openStream(description: StreamDescription, folder: string, nowMs: number): Stream {
  const path = join(folder, description.folder);
  const isOld = nowMs - description.createdSeconds * 1000 > leastRetentionHours * 3_600_000;
  try {
    const names = segmentNames(path);
    const logs = description.shards.map((_, shard) =>
      openShardLog({ folder: path, shard }, names.get(shard) ?? [], isOld ? 'mayBeTrimmed' : 'isWhole'),
    );
    return { description, logs, open: openShards(description.shards) };
  } catch (error) {
    if (error instanceof DamagedSegment) throw new Error(`stream ${description.name}: ${error.message}`);
    throw error;
  }
}
