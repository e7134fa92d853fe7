import { type TableName, tables } from '../../functions/core/deployment/tables.ts';
import { latestOf, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import { partitionsOf } from '../../functions/state/items/partition.ts';
import { type AwsJson, AwsJsonError } from './account/aws-json.ts';

/** The records of one shard of a stream of Kinesis that the tables hold. */
export interface HeldRecords {
  /** The last committed record; undefined before the first. */
  readonly committed: SequenceNumber | undefined;
  /** The last record of which anything is held. It is beyond the committed one where an attempt was interrupted. */
  readonly greatest: SequenceNumber;
}

interface ScanAnswer {
  readonly Items: readonly Readonly<Record<string, { readonly S?: string }>>[];
  readonly LastEvaluatedKey?: object;
}

/** An item's key, and its sequence number where it has one. */
interface ScannedItem {
  readonly pk: string;
  readonly sk: string;
  readonly sequenceNumber: SequenceNumber | undefined;
}

/** The place of a record of Kinesis. History that was filled in has other names. */
interface Place {
  readonly shardId: string;
  readonly number: SequenceNumber;
}

/**
 * The extent to which the tables know each shard, by shard. It comes from the shard's progress (DESIGN section 4, `S`),
 * and from the items that an attempt writes before that: pages, ids and the side output. All items are read, because an
 * item that an interrupted attempt left can be anywhere.
 */
export async function readHeldRecords(
  dynamodb: AwsJson,
  names: Readonly<Record<TableName, string>>,
): Promise<ReadonlyMap<string, HeldRecords>> {
  const held = new Map<string, HeldRecords>();
  const take = ({ shardId, number }: Place, committed: SequenceNumber | undefined): void => {
    const known = held.get(shardId);
    held.set(shardId, {
      committed: committed ?? known?.committed,
      greatest: latestOf(known?.greatest, number) ?? number,
    });
  };
  const progress = new Set(partitionsOf('progress'));
  for await (const item of itemsOf(dynamodb, 'state', names.state)) {
    const place = placeInState(item, progress);
    if (place !== undefined) take(place, progress.has(item.pk) ? place.number : undefined);
  }
  for await (const item of itemsOf(dynamodb, 'rejects', names.rejects)) {
    const place = placeInRejects(item);
    if (place !== undefined) take(place, undefined);
  }
  return held;
}

/** The place of an item of the state. Its keys are made by progress.ts, page.ts and id-log.ts. */
function placeInState({ pk, sk, sequenceNumber }: ScannedItem, progress: ReadonlySet<string>): Place | undefined {
  if (progress.has(pk)) return placeOf(sk, sequenceNumber);
  const [kind, shardId] = pk.split('#');
  if (kind === 'page') return placeOf(shardId, sequenceNumber);
  if (kind === 'ids') return placeOf(shardId, sk.split('#')[2]);
  return undefined;
}

/** The place of an item of the side output. Its keys are made by rejects.ts. */
function placeInRejects({ pk, sk }: ScannedItem): Place | undefined {
  return placeOf(pk.slice(pk.indexOf('#') + 1), sk.split('#')[0]);
}

function placeOf(shardId: string | undefined, number: string | undefined): Place | undefined {
  if (shardId === undefined || number === undefined) return undefined;
  return /^shardId-\d+$/.test(shardId) && /^\d+$/.test(number) ? { shardId, number } : undefined;
}

/** All items of a table; none when the table does not exist. */
async function* itemsOf(dynamodb: AwsJson, table: TableName, TableName: string): AsyncGenerator<ScannedItem> {
  const { partitionKey, sortKey } = tables[table];
  let ExclusiveStartKey: object | undefined;
  do {
    const page: ScanAnswer | undefined = await dynamodb
      .call<ScanAnswer>('Scan', {
        TableName,
        ConsistentRead: true,
        ProjectionExpression: `${partitionKey}, ${sortKey}, sequenceNumber`,
        ...(ExclusiveStartKey && { ExclusiveStartKey }),
      })
      .catch((error: unknown) => {
        if (error instanceof AwsJsonError && error.code === 'ResourceNotFoundException') return undefined;
        throw error;
      });
    for (const item of page?.Items ?? [])
      yield { pk: item[partitionKey]?.S ?? '', sk: item[sortKey]?.S ?? '', sequenceNumber: item.sequenceNumber?.S };
    ExclusiveStartKey = page?.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
}
