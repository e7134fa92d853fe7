import { ListShardsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { shardText } from '../print/shard-text.ts';
import { type Embedded, mappingStatus } from '../stream/embedded.ts';

/** The number of looks for a batch in flight once everything is put: an invocation takes longer than some looks. */
const looksAfterPut = 50;

/**
 * Puts records and kills the functions' process with SIGKILL while one of their batches is in flight.
 * @returns a description of the killed process
 */
export async function killInTheMiddle({ local }: Embedded, put: () => Promise<void>): Promise<string> {
  const putting = put();
  putting.catch(() => undefined);
  let ended = false;
  void putting.finally(() => {
    ended = true;
  });
  const { functions } = local.pids();
  let busy: readonly string[] = [];
  for (let after = 0; after < looksAfterPut && busy.length === 0; after += ended ? 1 : 0) {
    const { shards } = await mappingStatus(local);
    busy = Object.keys(shards).filter((shardId) => shards[shardId]?.state === 'invoking');
  }
  await local.kill('functions');
  await putting;
  return `killed the functions (kill -9 of process ${functions})${busy.length === 0 ? '' : ` in the middle of a batch of ${busy.map(shardText).join(', ')}`}`;
}

/**
 * Splits the first shard in two halves. A stream that has another number of shards than `unsplit` was split before and
 * stays as it is.
 * @returns the shard's name; undefined when it was not split
 */
export async function splitFirstShard({ kinesis, local }: Embedded, unsplit: number): Promise<string | undefined> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: local.streamName }));
  const [first] = Shards;
  if (first === undefined || Shards.length !== unsplit) return undefined;
  const { StartingHashKey = '0', EndingHashKey = '0' } = first.HashKeyRange ?? {};
  const middle = (BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n + 1n;
  await kinesis.send(
    new SplitShardCommand({
      StreamName: local.streamName,
      ShardToSplit: first.ShardId,
      NewStartingHashKey: String(middle),
    }),
  );
  return first.ShardId;
}
