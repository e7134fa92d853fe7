import { arnOf } from '../../account/account.ts';
import type { Field, Request } from './fields.ts';
import { invalidArgument } from './kinesis-error.ts';
import { field, type OfStream, type Operations, required, streamFields, streamOf } from './operation.ts';
import type { PutHint } from './put-hints.ts';
import { sequenceNumber } from './sequence.ts';
import type { StreamDescription } from './stream-file.ts';
import { leastRetentionHours, type Stream, type Streams, shardIdOf, shardNamed, shardOf } from './streams.ts';
import { decodeToken, encodeToken } from './token.ts';

/** A shard as Kinesis tells it. */
export interface ShardAnswer {
  readonly ShardId: string;
  readonly ParentShardId?: string;
  readonly AdjacentParentShardId?: string;
  readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string };
  readonly SequenceNumberRange: { readonly StartingSequenceNumber: string; readonly EndingSequenceNumber?: string };
}

/** A shard as Kinesis tells it. Fields that it does not have are absent from its JSON. */
export function shardAnswer(description: StreamDescription, shard: number): ShardAnswer {
  const { createdSeconds, closedSeconds, firstHashKey, lastHashKey, parents } = shardOf(description, shard);
  const [parent, adjacent] = parents.map(shardIdOf);
  const from = { createdSeconds, shard };
  return {
    ShardId: shardIdOf(shard),
    ...(parent !== undefined && { ParentShardId: parent }),
    ...(adjacent !== undefined && { AdjacentParentShardId: adjacent }),
    HashKeyRange: { StartingHashKey: firstHashKey, EndingHashKey: lastHashKey },
    SequenceNumberRange: {
      StartingSequenceNumber: sequenceNumber({ ...from, index: 0, seconds: createdSeconds }),
      ...(closedSeconds !== undefined && {
        EndingSequenceNumber: sequenceNumber({ ...from, index: 'end', seconds: closedSeconds }),
      }),
    },
  };
}

const onDemandShards = 4;
const mostRetentionHours = 8760;
/** The number of items that a list has when the request does not say. */
const defaultPage = 100;
const defaultShardsPage = 1_000;

interface Page extends OfStream {
  readonly Limit?: number;
  readonly ExclusiveStartShardId?: string;
}
interface ShardsRequest extends OfStream {
  readonly NextToken?: string;
  readonly MaxResults?: number;
  readonly ExclusiveStartShardId?: string;
  readonly ShardFilter?: Request;
}
interface Retention extends OfStream {
  readonly RetentionPeriodHours: number;
}

/** The operations that make, change, end and describe streams and their shards. */
export function streamOperations(streams: Streams, onChange: (hint: PutHint) => void): Operations {
  const of = (request: OfStream): Stream => streamOf(streams, request);
  const shardsOf = ({ description }: Stream) => description.shards.map((_, shard) => shardAnswer(description, shard));

  function changeRetention({ RetentionPeriodHours: hours, ...request }: Retention, fits: (present: number) => boolean) {
    const { name, retentionHours } = of(request).description;
    if (hours < leastRetentionHours || hours > mostRetentionHours || !fits(retentionHours))
      throw invalidArgument(
        `Requested retention period (${hours} hours) for stream ${name} is not within ${leastRetentionHours} to ${mostRetentionHours} hours, or not beyond the existing one (${retentionHours} hours).`,
      );
    streams.setRetention(name, hours);
    return undefined;
  }

  function changed(): undefined {
    onChange({ resharded: true });
    return undefined;
  }

  const hours: Field = { type: 'number', required: true, least: -(2 ** 31), most: 2 ** 31 };
  return {
    CreateStream: {
      fields: {
        StreamName: required(field.name),
        ShardCount: { type: 'number', least: 1, most: 100_000 },
        StreamModeDetails: { type: 'object' },
      },
      run(request: {
        readonly StreamName: string;
        readonly ShardCount?: number;
        readonly StreamModeDetails?: Request;
      }) {
        const mode = request.StreamModeDetails?.StreamMode === 'ON_DEMAND' ? 'ON_DEMAND' : 'PROVISIONED';
        const shards = mode === 'ON_DEMAND' ? onDemandShards : request.ShardCount;
        if (shards === undefined)
          throw invalidArgument('ShardCount must be provided for a stream of mode PROVISIONED.');
        streams.create(request.StreamName, shards, mode);
        return undefined;
      },
    },
    DeleteStream: {
      fields: streamFields,
      run(request: OfStream) {
        streams.delete(of(request).description.name);
        return undefined;
      },
    },
    DescribeStreamSummary: {
      fields: streamFields,
      run(request: OfStream) {
        const stream = of(request);
        return {
          StreamDescriptionSummary: { ...described(stream), OpenShardCount: stream.open.length, ConsumerCount: 0 },
        };
      },
    },
    DescribeStream: {
      fields: { ...streamFields, Limit: field.pageSize, ExclusiveStartShardId: field.name },
      run({ ExclusiveStartShardId: after = '', Limit: limit = defaultPage, ...request }: Page) {
        const stream = of(request);
        const left = shardsOf(stream).filter(({ ShardId }) => ShardId > after);
        return {
          StreamDescription: {
            ...described(stream),
            Shards: left.slice(0, limit),
            HasMoreShards: left.length > limit,
          },
        };
      },
    },
    ListStreams: {
      fields: { Limit: field.pageSize, ExclusiveStartStreamName: field.name, NextToken: field.token },
      run(request: {
        readonly Limit?: number;
        readonly ExclusiveStartStreamName?: string;
        readonly NextToken?: string;
      }) {
        const { Limit: limit = defaultPage, NextToken: token, ExclusiveStartStreamName: after = token ?? '' } = request;
        const left = streams.names().filter((name) => name > after);
        const StreamNames = left.slice(0, limit);
        const isLast = left.length <= limit;
        return { StreamNames, HasMoreStreams: !isLast, ...(!isLast && { NextToken: StreamNames.at(-1) }) };
      },
    },
    ListShards: {
      fields: {
        ...streamFields,
        NextToken: field.token,
        MaxResults: field.pageSize,
        ExclusiveStartShardId: field.name,
        ShardFilter: { type: 'object' },
      },
      run(request: ShardsRequest) {
        const { NextToken: token, MaxResults: limit = defaultShardsPage } = request;
        if (token !== undefined && (request.StreamName ?? request.StreamARN) !== undefined)
          throw invalidArgument('NextToken and StreamName cannot be provided together.');
        const { name, filter, after } = token === undefined ? shardsPage(of(request), request) : nextPage(token);
        const left = shardsOf(streams.get(name)).filter((shard) => shard.ShardId > after && isWanted(shard, filter));
        const Shards = left.slice(0, limit);
        const next = (): string => encodeToken([name, filter, Shards.at(-1)?.ShardId ?? '']);
        return { Shards, ...(left.length > limit && { NextToken: next() }) };
      },
    },
    SplitShard: {
      fields: {
        ...streamFields,
        ShardToSplit: required(field.name),
        NewStartingHashKey: required(field.hashKey),
      },
      run(request: OfStream & { readonly ShardToSplit: string; readonly NewStartingHashKey: string }) {
        const { description } = of(request);
        const shard = shardNamed(description, request.ShardToSplit);
        streams.split(description.name, shard, BigInt(request.NewStartingHashKey));
        return changed();
      },
    },
    MergeShards: {
      fields: {
        ...streamFields,
        ShardToMerge: required(field.name),
        AdjacentShardToMerge: required(field.name),
      },
      run(request: OfStream & { readonly ShardToMerge: string; readonly AdjacentShardToMerge: string }) {
        const { description } = of(request);
        const shard = shardNamed(description, request.ShardToMerge);
        streams.merge(description.name, [shard, shardNamed(description, request.AdjacentShardToMerge)]);
        return changed();
      },
    },
    IncreaseStreamRetentionPeriod: {
      fields: { ...streamFields, RetentionPeriodHours: hours },
      run: (request: Retention) => changeRetention(request, (present) => request.RetentionPeriodHours >= present),
    },
    DecreaseStreamRetentionPeriod: {
      fields: { ...streamFields, RetentionPeriodHours: hours },
      run: (request: Retention) => changeRetention(request, (present) => request.RetentionPeriodHours <= present),
    },
  };
}

/** What DescribeStream and DescribeStreamSummary both tell. A change is made when its call returns, so all is active. */
function described({ description: { name, mode, createdSeconds, retentionHours } }: Stream) {
  return {
    StreamName: name,
    StreamARN: arnOf('kinesis', `stream/${name}`),
    StreamStatus: 'ACTIVE',
    StreamModeDetails: { StreamMode: mode },
    StreamCreationTimestamp: createdSeconds,
    RetentionPeriodHours: retentionHours,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
  };
}

/** The shards that are asked for: those of a stream that a filter lets through, after one of them. */
interface ShardsPage {
  readonly name: string;
  readonly filter: ShardFilter;
  readonly after: string;
}

/** The kinds of filters that are served. */
type ShardFilter = 'all' | 'open';
const filters: Readonly<Record<string, ShardFilter>> = {
  AT_TRIM_HORIZON: 'all',
  FROM_TRIM_HORIZON: 'all',
  AFTER_SHARD_ID: 'all',
  AT_LATEST: 'open',
};

function shardsPage({ description: { name } }: Stream, request: ShardsRequest): ShardsPage {
  const { Type: type = 'AT_TRIM_HORIZON', ShardId: shardId = '' } = request.ShardFilter ?? {};
  const filter = filters[String(type)];
  if (filter === undefined)
    throw invalidArgument(`ShardFilter of Type ${type} is not served here: use ${Object.keys(filters).join(', ')}.`);
  return { name, filter, after: request.ExclusiveStartShardId ?? String(shardId) };
}

function nextPage(token: string): ShardsPage {
  const [name, filter, after] = decodeToken(token, 3) ?? [];
  if (typeof name !== 'string' || typeof after !== 'string' || (filter !== 'all' && filter !== 'open'))
    throw invalidArgument(`NextToken ${token} is invalid: list from the start.`);
  return { name, filter, after };
}

function isWanted({ SequenceNumberRange: { EndingSequenceNumber } }: ShardAnswer, filter: ShardFilter): boolean {
  return filter === 'all' || EndingSequenceNumber === undefined;
}
