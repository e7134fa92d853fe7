import { ListShardsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { type Embedded, mappingStatus } from '../stream/embedded.ts';

/** How often to look for a batch in flight once everything is put: an invocation takes longer than some looks. */
const looksAfterPut = 50;

/** Puts records and kills the functions' process with SIGKILL while one of their batches is in flight. Returns what was killed. */
export async function killInTheMiddle({ local }: Embedded, put: () => Promise<void>): Promise<string> {
  const putting = put();
  putting.catch(() => undefined);
  let ended = false;
  void putting.finally(() => {
    ended = true;
  });
  const { functions } = local.pids();
  for (let after = 0; after < looksAfterPut; after += ended ? 1 : 0) {
    const { shards } = await mappingStatus(local);
    const busy = Object.entries(shards).filter(([, { state }]) => state === 'invoking');
    if (busy.length === 0) continue;
    await local.kill('functions');
    await putting;
    return `killed the functions (kill -9 of process ${functions}) in the middle of a batch of ${busy.map(([shardId]) => shardId).join(', ')}`;
  }
  await local.kill('functions');
  await putting;
  return `killed the functions (kill -9 of process ${functions})`;
}

/** Splits the first open shard in two, in the middle. Returns its name. */
export async function splitFirstShard({ kinesis, local }: Embedded): Promise<string> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: local.streamName }));
  const open = Shards.find((shard) => shard.SequenceNumberRange?.EndingSequenceNumber === undefined);
  const { StartingHashKey = '0', EndingHashKey = '0' } = open?.HashKeyRange ?? {};
  const middle = (BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n + 1n;
  const shardId = open?.ShardId ?? '';
  await kinesis.send(new SplitShardCommand({ StreamName: local.streamName, ShardToSplit: shardId, NewStartingHashKey: String(middle) }));
  return shardId;
}

/** How many shards the stream lists, closed ones too. */
export async function countShards({ kinesis, local }: Embedded): Promise<number> {
  const { Shards = [] } = await kinesis.send(new ListShardsCommand({ StreamName: local.streamName }));
  return Shards.length;
}
