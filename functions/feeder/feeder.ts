import path from 'node:path';
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { latestOf } from '../core/events/sequence-number.ts';
import { type Line, type ReadLine, readFileChunks, readLines, recordLimitBytes } from '../formats/lines.ts';
import type { Coverage } from './coverage.ts';
import { inRange, partitionKeyHash, wholeRange } from './hash-range.ts';
import { createLane, type Lane } from './lane.ts';
import { createPace } from './pace.ts';
import { addLine, hasRoom, openPack, type Pack, seal } from './pack.ts';
import { putRecords } from './put-records.ts';
import { shortName } from './record-name.ts';
import { listOpenShards, type OpenShard } from './shards.ts';

/** The settings of a feeder. */
export interface FeederOptions {
  readonly kinesis: KinesisClient;
  readonly streamName: string;
  /**
   * `aggregate`: many events in a record of up to 25 KB (KPL format); `single`: a record an event.
   * @default aggregate
   */
  readonly packing?: 'aggregate' | 'single';
  /**
   * The key that decides the shard of a line, by Kinesis's own rule. A line for which it is undefined (say, because it
   * is not JSON) goes by the hash of its bytes. Must be pure. @default packed records go round the open shards
   */
  readonly partitionKey?: ((line: Buffer) => string | undefined) | undefined;
  /** Upper bound of the speed. @default none */
  readonly eventsPerSecond?: number | undefined;
  /** Called after each PutRecords answer and each piece of input read. */
  readonly onProgress?: (progress: FeederProgress) => void;
  /** Called for each line that Kinesis cannot take. */
  readonly onNotPut?: (line: NotPut) => void;
  /** Aborted: reading stops at the next piece of input, and packed lines can still be flushed. */
  readonly signal?: AbortSignal | undefined;
  /** A number in [0, 1), for the jitter of retries. @default Math.random */
  readonly random?: () => number;
}

/** The counts of a feeder so far. They only grow. */
export interface FeederProgress {
  /** Bytes of files only. */
  readonly bytesRead: number;
  /** Lines that are not blank. */
  readonly linesRead: number;
  /** Lines that the stream held already. */
  readonly skipped: number;
  /** Lines longer than a record may be. */
  readonly notPut: number;
  /** Events and records that Kinesis has acknowledged. */
  readonly eventsPut: number;
  readonly recordsPut: number;
  /** Records that had to be put again, each time counted. */
  readonly retried: number;
  /** Bytes of acknowledged data and partition keys. */
  readonly bytes: number;
}

/** A line that is too long for Kinesis. */
export interface NotPut {
  readonly name: string;
  readonly number: number;
  readonly bytes: number;
}

/** Puts lines into a stream. Inputs are put one after the other, not at once. */
export interface Feeder {
  /**
   * Packs and queues the lines of a file. Its base name is its name in the stream. Ends when all are queued; `flush`
   * waits until they are stored. `chunks`: lines of JSON in the place of the file's bytes, where these are not such
   * lines. They tell how many bytes of the file were read.
   */
  putFile(
    file: string,
    options?: {
      readonly skip?: Coverage | undefined;
      readonly chunks?: (onBytes: (bytes: number) => void) => AsyncIterable<Buffer>;
    },
  ): Promise<void>;
  /** Packs and queues lines from elsewhere, as `putFile` does. Their numbers begin at 1 and grow. */
  putLines(
    lines: AsyncIterable<ReadLine | readonly ReadLine[]>,
    name: string,
    options?: { readonly skip?: Coverage | undefined },
  ): Promise<void>;
  /**
   * Closes the open packs, waits until everything is stored and gives the greatest sequence number per shard that this
   * feeder has put. All of it is committed when the shard's progress has reached that number. May be called while lines
   * are being put.
   */
  flush(): Promise<ReadonlyMap<string, string>>;
  progress(): FeederProgress;
  /** Closes connections of its own. @default it has none */
  close?(): Promise<void>;
}

/** Shards for each lane, and so for each call in flight: a shard of 1 MB/s needs five seconds for a call of 5 MB. */
const shardsPerLane = 8;
const mostLanes = 8;

/**
 * A feeder of one stream. Records of one shard are stored in the order of their lines, with one exception: a record
 * that Kinesis refused is put again behind those of the same call that it took. Delivery is at least once: the SDK
 * repeats a call whose answer is lost.
 */
export function createFeeder(options: FeederOptions): Feeder {
  const { kinesis, streamName, partitionKey, signal, packing = 'aggregate', random = Math.random } = options;
  const counts = {
    bytesRead: 0,
    linesRead: 0,
    skipped: 0,
    notPut: 0,
    eventsPut: 0,
    recordsPut: 0,
    retried: 0,
    bytes: 0,
  };
  const greatest = new Map<string, string>();
  const pace = createPace(options.eventsPerSecond);
  const packs = new Map<string, Pack>();
  const lanes: Lane[] = [];
  let shards: readonly OpenShard[] = [];
  let shardsKnown = false;
  let turn = 0;

  const report = (): void => options.onProgress?.({ ...counts });

  const put = (records: Parameters<typeof putRecords>[0]) =>
    putRecords(records, {
      kinesis,
      streamName,
      random,
      signal,
      onStored(record, shardId, sequenceNumber) {
        counts.eventsPut += record.events;
        counts.recordsPut += 1;
        counts.bytes += record.bytes;
        greatest.set(shardId, latestOf(greatest.get(shardId), sequenceNumber) ?? sequenceNumber);
        // it went elsewhere although its shard is thought to be open: that one was split or merged
        if (shardId !== record.shardId && shards.some((shard) => shard.shardId === record.shardId)) shardsKnown = false;
      },
      onRetry: (again) => {
        counts.retried += again;
      },
    }).then(report);

  async function learnShards(): Promise<void> {
    closePacks(); // they claim the ranges of the shards known so far
    shards = await listOpenShards(kinesis, streamName);
    shardsKnown = true;
    while (lanes.length < Math.min(mostLanes, Math.ceil(shards.length / shardsPerLane))) lanes.push(createLane(put));
  }

  function enqueue(pack: Pack): Promise<void> | undefined {
    const at = shards.findIndex(({ shardId }) => shardId === pack.shard.shardId);
    return lanes[Math.max(0, at) % lanes.length]?.add(seal(pack, packing));
  }

  function closePacks(): void {
    for (const pack of packs.values()) void enqueue(pack)?.catch(() => undefined);
    packs.clear();
  }

  function shardFor(hash: bigint | undefined): OpenShard {
    const shard =
      hash === undefined ? shards[turn++ % shards.length] : shards.find(({ range }) => inRange(range, hash));
    if (shard === undefined) throw new Error(`no open shard of ${streamName} takes the hash key ${hash}`);
    return shard;
  }

  /** Adds one line to its pack; pending when its lane is full. */
  function place({ line, number }: Line, name: string, hash: bigint | undefined): Promise<void> | undefined {
    const key = hash === undefined ? '' : shardFor(hash).shardId;
    let pack = packs.get(key);
    let full: Promise<void> | undefined;
    if (pack !== undefined && (pack.name !== name || !hasRoom(pack, line))) {
      full = enqueue(pack);
      pack = undefined;
    }
    if (pack === undefined) {
      const shard = shardFor(hash);
      pack = openPack(shard, name, hash === undefined ? wholeRange : shard.range);
      packs.set(key, pack);
    }
    addLine(pack, line, number);
    if (packing === 'aggregate') return full;
    packs.delete(key);
    return enqueue(pack);
  }

  /**
   * Whether the record of this line alone is within Kinesis's limit. Its key takes some of that, so only long lines
   * need a look.
   */
  function fits(read: Line, name: string, hash: bigint | undefined): boolean {
    const shard = shards[0];
    if (read.line.length < recordLimitBytes - 2048 || shard === undefined) return true;
    const alone = openPack(shard, name, hash === undefined ? wholeRange : shardFor(hash).range);
    addLine(alone, read.line, read.number);
    return seal(alone, packing).bytes <= recordLimitBytes;
  }

  function refuse(name: string, number: number, bytes: number): void {
    counts.notPut += 1;
    options.onNotPut?.({ name, number, bytes });
  }

  async function putBlock(block: readonly ReadLine[], name: string, skip: Coverage | undefined): Promise<void> {
    for (const read of block) {
      counts.linesRead += 1;
      if ('kind' in read) {
        refuse(name, read.number, read.bytes);
        continue;
      }
      const hash = partitionKey === undefined ? undefined : partitionKeyHash(partitionKey(read.line) ?? read.line);
      if (skip?.covers(name, read.number, hash)) {
        counts.skipped += 1;
        continue;
      }
      if (!shardsKnown) await learnShards();
      if (!fits(read, name, hash)) {
        refuse(name, read.number, read.line.length);
        continue;
      }
      while (!pace.take()) {
        closePacks();
        for (const lane of lanes) lane.send();
        await pace.nextTick(signal);
        if (signal?.aborted) return;
      }
      const full = place(read, name, hash);
      if (full !== undefined) await full;
    }
  }

  const feeder: Feeder = {
    putFile(
      file,
      {
        skip,
        chunks = (onBytes: (bytes: number) => void): AsyncIterable<Buffer> => readFileChunks(file, onBytes),
      } = {},
    ) {
      const bytes = chunks((read) => {
        counts.bytesRead += read;
      });
      return feeder.putLines(readLines(bytes), path.basename(file), { skip });
    },
    async putLines(lines, givenName, { skip } = {}) {
      const name = shortName(givenName);
      for await (const read of lines) {
        if (signal?.aborted) break;
        await putBlock(isBlock(read) ? read : [read], name, skip);
        report();
      }
      closePacks();
    },
    async flush() {
      closePacks();
      await Promise.all(lanes.map((lane) => lane.drain()));
      return new Map(greatest);
    },
    progress: () => ({ ...counts }),
  };
  return feeder;
}

function isBlock(read: ReadLine | readonly ReadLine[]): read is readonly ReadLine[] {
  return Array.isArray(read);
}
