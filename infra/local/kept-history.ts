import { streamRetentionHours } from '../../functions/core/deployment/settings.ts';
import { isAfter, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import { type AwsJson, AwsJsonError, createAwsJson } from './account/aws-json.ts';
import { LocalError } from './account/local-error.ts';
import { type DataFolder, dataFolder } from './emulators/data-folder.ts';
import { parseSequenceNumber } from './emulators/kinesis/sequence.ts';
import { readHeldRecords } from './held-records.ts';
import { readCheckpoints } from './mapping/checkpoints.ts';
import type { ResourceNames } from './resources/resources.ts';

/** The arguments of {@link checkHistory}. */
export interface History {
  readonly dataDir: string;
  readonly names: ResourceNames;
  readonly ports: { readonly kinesis: number; readonly dynamodb: number };
  /** Epoch ms. */
  readonly nowMs: number;
}

/**
 * Checks that the parts of a data folder fit together. It has three parts: the stream, the tables, and the checkpoints
 * of delivered records. Each could be lost without the others, or be put back from an older copy. The emulators begin
 * anew where they find nothing, and pass over a file that ends too early (a power failure, a copy of half a folder). A
 * delivered record was committed before. Tables that do not hold it have lost it, and it would never be delivered
 * again. A record in the tables came from the stream. A stream that does not hold it has lost its end. It would give
 * the same numbers to new records, and these would be taken for old ones. Records that are put again would be counted
 * twice. Checkpoints that are lost or old only repeat deliveries. (A record beyond the stream's retention may be gone
 * for good reason, and is not looked for.)
 *
 * It is called before anything is created in the folder.
 * @throws LocalError `checkpoints` or `dataFolder`; nothing has been changed
 */
export async function checkHistory({ dataDir, names, ports, nowMs }: History): Promise<void> {
  const folder = dataFolder(dataDir);
  const kinesis = createAwsJson('kinesis', ports.kinesis);
  const dynamodb = createAwsJson('dynamodb', ports.dynamodb);
  try {
    const held = await readHeldRecords(dynamodb, names.tables);
    const delivered = deliveredRecords(folder, names.stream, await createdAtSeconds(kinesis, names.stream));
    for (const [shardId, last] of delivered) {
      const known = held.get(shardId)?.committed;
      if (known === undefined || isAfter(last, known))
        throw new LocalError(
          'dataFolder',
          `database ${folder.dynamodb}: it has lost what was counted: ${shardId} was delivered up to ${last}, and it knows ${known ?? 'nothing'}: restore the folder, or delete ${folder.checkpoints} to have all that the stream still holds delivered again`,
        );
    }
    for (const [shardId, { greatest }] of held) {
      const isKept = nowMs - takenAtMs(greatest) < streamRetentionHours * 3_600_000;
      if (isKept && !(await isInStream(kinesis, names.stream, shardId, greatest)))
        throw new LocalError(
          'dataFolder',
          `database ${folder.kinesis}: the stream has lost records that were counted: ${shardId} does not hold ${greatest}, which the tables hold: restore the folder, or begin with another data folder`,
        );
    }
  } finally {
    kinesis.close();
    dynamodb.close();
  }
}

/**
 * The last delivered record of each shard. Checkpoints of another stream than the present one are left out here; their
 * reader refuses them.
 */
function deliveredRecords(
  { checkpoints }: DataFolder,
  stream: string,
  createdAt: number | undefined,
): ReadonlyMap<string, SequenceNumber> {
  const kept = readCheckpoints(checkpoints).streams[stream];
  const shards = createdAt === undefined || kept?.createdAtSeconds === createdAt ? (kept?.shards ?? {}) : {};
  return new Map(
    Object.entries(shards).flatMap(([shardId, { sequenceNumber }]) =>
      sequenceNumber === undefined ? [] : [[shardId, sequenceNumber] as const],
    ),
  );
}

/** The time of the stream's creation, epoch seconds; undefined: there is no such stream. */
async function createdAtSeconds(kinesis: AwsJson, StreamName: string): Promise<number | undefined> {
  const answer = await unlessRefused(
    kinesis.call<{ readonly StreamDescriptionSummary: { readonly StreamCreationTimestamp: number } }>(
      'DescribeStreamSummary',
      { StreamName },
    ),
  );
  return answer?.StreamDescriptionSummary.StreamCreationTimestamp;
}

/** The time at which the emulator took a record, epoch ms. The record's number holds it in whole seconds. */
function takenAtMs(sequenceNumber: SequenceNumber): number {
  return (parseSequenceNumber(sequenceNumber)?.seconds ?? 0) * 1000;
}

async function isInStream(
  kinesis: AwsJson,
  StreamName: string,
  ShardId: string,
  StartingSequenceNumber: SequenceNumber,
): Promise<boolean> {
  const from = { StreamName, ShardId, ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber };
  const iterator = await unlessRefused(kinesis.call<{ readonly ShardIterator: string }>('GetShardIterator', from));
  if (iterator === undefined) return false;
  const { Records } = await kinesis.call<{ readonly Records: readonly { readonly SequenceNumber: string }[] }>(
    'GetRecords',
    { ...iterator, Limit: 1 },
  );
  return Records[0]?.SequenceNumber === StartingSequenceNumber;
}

/** The answer to a call. Undefined: there is no such stream or shard, or the number is not of this stream. */
async function unlessRefused<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    const refusals = ['ResourceNotFoundException', 'InvalidArgumentException'];
    if (error instanceof AwsJsonError && refusals.includes(error.code)) return undefined;
    throw error;
  }
}
