import {
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  ResourceNotFoundException,
  type Shard,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { TidemarkError } from '../core/arguments/error.ts';
import { type StreamSource, sourceOf } from '../edge/config.ts';
import type { Stream, StreamShard } from '../state/stream/stream.ts';

/**
 * Reads that follow a shard before it counts as behind: an empty answer may only mean that Kinesis looked no further.
 */
const mostReads = 5;

/** The stream of a function. */
export function openStream(config: StreamSource): Stream {
  return kinesisStream(sourceOf('kinesis', config).stream);
}

/** The stream as Kinesis has it. HTTP/1, for every emulator fails on the SDK's HTTP/2 (docs/emulators.md). */
export function kinesisStream(
  name: string,
  client: KinesisClient = new KinesisClient({ requestHandler: new NodeHttpHandler() }),
): Stream {
  return {
    async identity() {
      const answer = await named(name, () => client.send(new DescribeStreamSummaryCommand({ StreamName: name })));
      const createdAt = answer.StreamDescriptionSummary?.StreamCreationTimestamp?.getTime();
      if (createdAt === undefined)
        throw new Error(`stream ${name}: DescribeStreamSummary gives no StreamCreationTimestamp`);
      return { name, createdAt: Math.floor(createdAt / 1000) * 1000 };
    },

    async listShards() {
      const shards: Shard[] = [];
      let token: string | undefined;
      do {
        const answer = await named(name, () =>
          client.send(new ListShardsCommand(token === undefined ? { StreamName: name } : { NextToken: token })),
        );
        shards.push(...(answer.Shards ?? []));
        token = answer.NextToken;
      } while (token !== undefined);
      return shards.map(streamShard);
    },

    async tail(shardId, after) {
      const position =
        after === undefined
          ? ({ ShardIteratorType: 'TRIM_HORIZON' } as const)
          : ({ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: after } as const);
      const start = await named(name, () =>
        client.send(new GetShardIteratorCommand({ StreamName: name, ShardId: shardId, ...position })),
      );
      let iterator = start.ShardIterator;
      for (let read = 0; read < mostReads && iterator !== undefined; read++) {
        const answer = await client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 1 }));
        if ((answer.Records ?? []).length > 0) return 'more';
        iterator = answer.NextShardIterator;
        if (iterator !== undefined && (answer.MillisBehindLatest ?? 0) === 0) return 'nothing';
      }
      return iterator === undefined ? 'end' : 'more';
    },
  };
}

function streamShard({
  ShardId: shardId = '',
  SequenceNumberRange: range,
  ParentShardId: parent,
  AdjacentParentShardId: adjacent,
  HashKeyRange: keys,
}: Shard): StreamShard {
  return {
    shardId,
    closed: range?.EndingSequenceNumber !== undefined,
    parents: [parent, adjacent].filter((id) => id !== undefined),
    hashRange: { first: BigInt(keys?.StartingHashKey ?? 0), last: BigInt(keys?.EndingHashKey ?? 2n ** 128n - 1n) },
  };
}

async function named<T>(stream: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new TidemarkError(
      `stream: ${stream} does not exist: deploy the stack (or start \`tidemark up\`), or check the region and the endpoint`,
      {
        cause: error,
      },
    );
  }
}
