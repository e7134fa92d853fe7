import { streamRetentionHours } from '../../functions/core/deployment/settings.ts';
import { tables } from '../../functions/core/deployment/tables.ts';
import { isAfter, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import { partitionsOf } from '../../functions/state/items/partition.ts';
import { type AwsJson, createAwsJson } from './account/aws-json.ts';
import { LocalError } from './account/local-error.ts';
import { dataFolder } from './emulators/data-folder.ts';
import { readCheckpoints } from './mapping/checkpoints.ts';
import type { ResourceNames } from './resources/resources.ts';

/** What {@link checkHistory} compares. */
export interface History {
  readonly dataDir: string;
  readonly names: ResourceNames;
  readonly streamCreatedAtSeconds: number;
  readonly ports: { readonly kinesis: number; readonly dynamodb: number };
  /** Epoch ms. */
  readonly nowMs: number;
}

/**
 * A data folder has three parts, and each could be lost without the others: the stream, the tables, and the checkpoints
 * of what was delivered. LevelDB begins anew where it finds nothing, and passes over a log that ends too early (a power
 * failure, a copy of half a folder). Whatever was delivered was committed before, so a table that does not hold it has
 * lost it, and it would never be delivered again; a stream that does not hold it has lost its end, and would give the
 * numbers of what was delivered to new records, which would then be taken for old ones.
 * @throws LocalError `checkpoints` or `dataFolder`; nothing has been changed then
 */
export async function checkHistory({ dataDir, names, streamCreatedAtSeconds, ports, nowMs }: History): Promise<void> {
  const folder = dataFolder(dataDir);
  const kept = readCheckpoints(folder.checkpoints).streams[names.stream];
  // Those of another stream are refused by whoever would use them.
  const shards = kept?.createdAtSeconds === streamCreatedAtSeconds ? kept.shards : {};
  const delivered = Object.entries(shards).flatMap(([shardId, { sequenceNumber }]) =>
    sequenceNumber === undefined ? [] : [{ shardId, sequenceNumber }],
  );
  if (delivered.length === 0) return;
  const kinesis = createAwsJson('kinesis', ports.kinesis);
  const dynamodb = createAwsJson('dynamodb', ports.dynamodb);
  try {
    const committed = await readCommitted(dynamodb, names.tables.state);
    for (const { shardId, sequenceNumber } of delivered) {
      const known = committed.get(shardId);
      if (known === undefined || isAfter(sequenceNumber, known))
        throw new LocalError(
          'dataFolder',
          `database ${folder.dynamodb}: it has lost what was counted: ${shardId} was delivered up to ${sequenceNumber}, and it knows ${known ?? 'nothing'}: restore the folder, or delete ${folder.checkpoints} to have all that the stream still holds delivered again`,
        );
      if (
        nowMs - takenAtMs(sequenceNumber) < streamRetentionHours * 3_600_000 &&
        !(await isInStream(kinesis, names.stream, shardId, sequenceNumber))
      )
        throw new LocalError(
          'dataFolder',
          `database ${folder.kinesis}: the stream has lost records that were delivered: ${shardId} does not hold ${sequenceNumber}: restore the folder, or begin with another data folder`,
        );
    }
  } finally {
    kinesis.close();
    dynamodb.close();
  }
}

interface ProgressPage {
  readonly Items: readonly { readonly sk: { readonly S: string }; readonly sequenceNumber?: { readonly S: string } }[];
  readonly LastEvaluatedKey?: object;
}

/** The last committed record of each shard, as the functions keep it (DESIGN section 4, `S`). */
async function readCommitted(dynamodb: AwsJson, TableName: string): Promise<ReadonlyMap<string, SequenceNumber>> {
  const committed = new Map<string, SequenceNumber>();
  for (const partition of partitionsOf('progress')) {
    let ExclusiveStartKey: object | undefined;
    do {
      const page: ProgressPage = await dynamodb.call('Query', {
        TableName,
        ConsistentRead: true,
        KeyConditionExpression: `${tables.state.partitionKey} = :partition`,
        ExpressionAttributeValues: { ':partition': { S: partition } },
        ...(ExclusiveStartKey && { ExclusiveStartKey }),
      });
      for (const { sk, sequenceNumber } of page.Items)
        if (sequenceNumber !== undefined) committed.set(sk.S, sequenceNumber.S);
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
  }
  return committed;
}

/** When the emulator took a record, epoch ms: whole seconds stand in its number. */
function takenAtMs(sequenceNumber: SequenceNumber): number {
  return Number.parseInt(BigInt(sequenceNumber).toString(16).slice(29, 38), 16) * 1000;
}

async function isInStream(
  kinesis: AwsJson,
  StreamName: string,
  ShardId: string,
  StartingSequenceNumber: SequenceNumber,
): Promise<boolean> {
  const from = { StreamName, ShardId, ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber };
  const { ShardIterator } = await kinesis.call<{ readonly ShardIterator: string }>('GetShardIterator', from);
  const { Records } = await kinesis.call<{ readonly Records: readonly { readonly SequenceNumber: string }[] }>(
    'GetRecords',
    {
      ShardIterator,
      Limit: 1,
    },
  );
  return Records[0]?.SequenceNumber === StartingSequenceNumber;
}
