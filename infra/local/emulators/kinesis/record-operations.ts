import { invalidArgument, KinesisError } from './kinesis-error.ts';
import { field, type OfStream, type Operations, required, streamFields, streamOf } from './operation.ts';
import type { PutHint } from './put-hints.ts';
import { parseSequenceNumber, type Sequence, sequenceNumber } from './sequence.ts';
import type { ShardLog } from './shard-log.ts';
import { shardAnswer } from './stream-operations.ts';
import {
  explicitHashKey,
  hashKeyOf,
  type Stream,
  type Streams,
  shardFor,
  shardIdOf,
  shardNamed,
  shardOf,
} from './streams.ts';
import { decodeToken, encodeToken } from './token.ts';

/** The most bytes of a record, its partition key included. */
const mostRecordBytes = 1024 * 1024;
/** The most records and bytes of one PutRecords call. AWS takes 10 MiB since 2025, other emulators still 5 MiB. */
const mostPutRecords = 500;
const mostPutBytes = 5 * 1024 * 1024;
/** The most records and bytes of one GetRecords call. */
const mostReadRecords = 10_000;
const mostReadBytes = 10 * 1024 * 1024;
/** The time (ms) for which an iterator is good. */
const iteratorMs = 300_000;

interface NewRecord {
  readonly PartitionKey: string;
  readonly Data: Buffer;
  readonly ExplicitHashKey?: string;
}
interface IteratorRequest extends OfStream {
  readonly ShardId: string;
  readonly ShardIteratorType: IteratorType;
  readonly StartingSequenceNumber?: string;
  readonly Timestamp?: number;
}
type IteratorType = 'AFTER_SEQUENCE_NUMBER' | 'AT_SEQUENCE_NUMBER' | 'AT_TIMESTAMP' | 'LATEST' | 'TRIM_HORIZON';

/** A shard of a stream, and a position in it. */
interface Place {
  readonly stream: Stream;
  readonly shard: number;
  readonly position: number;
}

/** The operations that put and get records. */
export function recordOperations(streams: Streams, now: () => number, onChange: (hint: PutHint) => void): Operations {
  function put(request: OfStream, records: readonly NewRecord[]): readonly object[] {
    const stream = streamOf(streams, request);
    const places = placesOf(stream, records);
    const stored: object[] = [];
    for (const [shard, indexes] of places) {
      const log = trimmedLog(stream, shard);
      const first = log.next();
      // A clock that is set back does not take the order of arrivals back.
      const arrivalMs = Math.max(now(), log.arrivalMs(first - 1) ?? 0);
      log.append(
        indexes.map((i) => ({
          arrivalMs,
          partitionKey: records[i]?.PartitionKey ?? '',
          data: records[i]?.Data ?? Buffer.alloc(0),
        })),
      );
      indexes.forEach((i, n) => {
        stored[i] = { ShardId: shardIdOf(shard), SequenceNumber: numberAt(stream, shard, first + n, arrivalMs) };
      });
    }
    onChange({ shards: [...places.keys()].map(shardIdOf) });
    return stored;
  }

  /** The log of a shard, without the records that are beyond the retention. */
  function trimmedLog(stream: Stream, shard: number): ShardLog {
    const log = logOf(stream, shard);
    log.trim(now() - stream.description.retentionHours * 3_600_000);
    return log;
  }

  /** An iterator, which says when it was made. */
  const iteratorOf = ({ stream: { description }, shard, position }: Place): string =>
    encodeToken([description.name, description.createdSeconds, shard, position, now()]);

  function placeOf(iterator: string): Place {
    const [name, createdSeconds, shard, position, madeMs] = decodeToken(iterator, 5) ?? [];
    const isOurs = [createdSeconds, shard, position, madeMs].every((each) => Number.isSafeInteger(each));
    if (typeof name !== 'string' || !isOurs) throw invalidArgument('Invalid ShardIterator.');
    if (now() - Number(madeMs) > iteratorMs)
      throw new KinesisError(
        'ExpiredIteratorException',
        `Iterator expired. It was created ${now() - Number(madeMs)} ms ago, and is good for ${iteratorMs} ms.`,
      );
    const stream = streams.get(name);
    if (stream.description.createdSeconds !== createdSeconds || stream.logs[Number(shard)] === undefined)
      throw invalidArgument('Invalid ShardIterator.');
    return { stream, shard: Number(shard), position: Number(position) };
  }

  function get({ stream, shard, position }: Place, limit: number): object {
    const { description, logs } = stream;
    const log = trimmedLog(stream, shard);
    const { first, records } = log.read(position, limit, mostReadBytes);
    const next = first + records.length;
    const isEnd = next >= log.next() && shardOf(description, shard).closedSeconds !== undefined;
    const unread = log.arrivalMs(next);
    return {
      Records: records.map(({ arrivalMs, partitionKey, data }, i) => ({
        SequenceNumber: numberAt(stream, shard, first + i, arrivalMs),
        ApproximateArrivalTimestamp: arrivalMs / 1000,
        Data: data.toString('base64'),
        PartitionKey: partitionKey,
      })),
      NextShardIterator: isEnd ? null : iteratorOf({ stream, shard, position: next }),
      MillisBehindLatest: unread === undefined ? 0 : Math.max(1, now() - unread),
      ...(isEnd && { ChildShards: logs.flatMap((_, child) => childAnswer(stream, child, shard)) }),
    };
  }

  return {
    PutRecord: {
      fields: {
        ...streamFields,
        PartitionKey: required(field.partitionKey),
        Data: { type: 'bytes', required: true, most: mostRecordBytes },
        ExplicitHashKey: field.hashKey,
        SequenceNumberForOrdering: field.sequenceNumber,
      },
      run: (request: OfStream & NewRecord) => put(request, [request])[0],
    },
    PutRecords: {
      fields: {
        ...streamFields,
        Records: {
          type: 'list',
          required: true,
          most: mostPutRecords,
          of: {
            PartitionKey: required(field.partitionKey),
            Data: { type: 'bytes', required: true, most: mostRecordBytes },
            ExplicitHashKey: field.hashKey,
          },
        },
      },
      run: (request: OfStream & { readonly Records: readonly NewRecord[] }) => ({
        FailedRecordCount: 0,
        Records: put(request, request.Records),
      }),
    },
    GetShardIterator: {
      fields: {
        ...streamFields,
        ShardId: required(field.name),
        ShardIteratorType: required(field.iteratorType),
        StartingSequenceNumber: field.sequenceNumber,
        Timestamp: { type: 'time' },
      },
      run(request: IteratorRequest) {
        const stream = streamOf(streams, request);
        const shard = shardNamed(stream.description, request.ShardId);
        return { ShardIterator: iteratorOf({ stream, shard, position: startOf(stream, shard, request, now()) }) };
      },
    },
    GetRecords: {
      fields: { ShardIterator: required(field.shardIterator), Limit: field.pageSize },
      run: (request: { readonly ShardIterator: string; readonly Limit?: number }) =>
        get(placeOf(request.ShardIterator), request.Limit ?? mostReadRecords),
    },
  };
}

/**
 * The records that each shard takes, by their indexes.
 * @throws KinesisError `InvalidArgumentException` when they are too large or have a hash key beyond the range
 */
function placesOf(stream: Stream, records: readonly NewRecord[]): ReadonlyMap<number, readonly number[]> {
  const places = new Map<number, number[]>();
  let bytes = 0;
  records.forEach(({ PartitionKey, Data, ExplicitHashKey }, i) => {
    const size = Buffer.byteLength(PartitionKey) + Data.length;
    if (size > mostRecordBytes)
      throw invalidArgument(
        `Record ${i + 1} has ${size} bytes, its partition key included: the most are ${mostRecordBytes}.`,
      );
    bytes += size;
    const shard = shardFor(
      stream,
      ExplicitHashKey === undefined ? hashKeyOf(PartitionKey) : explicitHashKey(ExplicitHashKey),
    );
    const known = places.get(shard);
    if (known === undefined) places.set(shard, [i]);
    else known.push(i);
  });
  if (bytes > mostPutBytes) throw invalidArgument(`Records size exceeds ${mostPutBytes} bytes: received ${bytes}.`);
  return places;
}

function logOf({ description, logs }: Stream, shard: number): ShardLog {
  const log = logs[shard];
  if (log === undefined) throw new Error(`stream ${description.name} has no shard ${shard}`);
  return log;
}

/** The sequence number of a record, by its position in its shard. */
function numberAt({ description }: Stream, shard: number, position: number, arrivalMs: number): string {
  const { createdSeconds } = shardOf(description, shard);
  const seconds = Math.max(createdSeconds, Math.floor(arrivalMs / 1000));
  return sequenceNumber({ createdSeconds, shard, index: position + 1, seconds });
}

/** The position at which reading begins. @throws KinesisError `InvalidArgumentException` */
function startOf(stream: Stream, shard: number, request: IteratorRequest, nowMs: number): number {
  const log = logOf(stream, shard);
  switch (request.ShardIteratorType) {
    case 'TRIM_HORIZON':
      return 0;
    case 'LATEST':
      return log.next();
    case 'AT_TIMESTAMP': {
      const { Timestamp: seconds } = request;
      if (seconds === undefined)
        throw invalidArgument('Timestamp must be provided for an iterator of type AT_TIMESTAMP.');
      if (seconds * 1000 > nowMs)
        throw invalidArgument(`Timestamp ${seconds} cannot be greater than the current time, ${nowMs / 1000}.`);
      return log.positionAt(seconds * 1000);
    }
    default: {
      const { StartingSequenceNumber: number, ShardIteratorType: type } = request;
      if (number === undefined)
        throw invalidArgument(`StartingSequenceNumber must be provided for an iterator of type ${type}.`);
      const position = positionOf(stream, shard, number);
      return type === 'AT_SEQUENCE_NUMBER' ? Math.max(0, position) : position + 1;
    }
  }
}

/**
 * The position of a sequence number of a shard. The start of the shard has -1.
 * @throws KinesisError `InvalidArgumentException` for a number that the shard never gave. A reader that goes on after
 * a record that is lost would otherwise pass over those that take its place.
 */
function positionOf(stream: Stream, shard: number, number: string): number {
  const log = logOf(stream, shard);
  const { StartingSequenceNumber: start, EndingSequenceNumber: end } = shardAnswer(
    stream.description,
    shard,
  ).SequenceNumberRange;
  if (number === start) return -1;
  if (number === end) return log.next();
  const sequence = parseSequenceNumber(number);
  const position = sequence === undefined || sequence.index === 'end' ? Number.NaN : sequence.index - 1;
  const arrivalMs = log.arrivalMs(position);
  const isOurs =
    arrivalMs === undefined
      ? isTrimmed(stream, shard, sequence)
      : number === numberAt(stream, shard, position, arrivalMs);
  if (!isOurs)
    throw invalidArgument(
      `StartingSequenceNumber ${number} used in GetShardIterator on shard ${shardIdOf(shard)} in stream ${stream.description.name} is invalid.`,
    );
  return position;
}

/** Whether a number can be that of a record that is beyond the retention. */
function isTrimmed(stream: Stream, shard: number, sequence: Sequence | undefined): boolean {
  const { createdSeconds } = shardOf(stream.description, shard);
  const isOfShard = sequence?.createdSeconds === createdSeconds && sequence.shard === shard;
  return isOfShard && sequence.index !== 'end' && sequence.index <= logOf(stream, shard).next();
}

/** A shard as GetRecords tells it at the end of one of its parents; nothing for another shard. */
function childAnswer({ description }: Stream, child: number, parent: number): readonly object[] {
  const { parents } = shardOf(description, child);
  if (!parents.includes(parent)) return [];
  const { ShardId, HashKeyRange } = shardAnswer(description, child);
  return [{ ShardId, ParentShards: parents.map(shardIdOf), HashKeyRange }];
}
