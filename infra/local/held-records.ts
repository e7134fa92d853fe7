import { type TableName, tables } from '../../functions/core/deployment/tables.ts';
import { latestOf, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
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

/** An item's key, and the last record of its log where it is an entry. */
interface ScannedItem {
  readonly pk: string;
  readonly sk: string;
  readonly last: SequenceNumber | undefined;
}

/** The place of a record of Kinesis. History that was filled in has other names. */
interface Place {
  readonly shardId: string;
  readonly number: SequenceNumber;
}

/**
 * The extent to which the tables know each shard, by shard: by the entries of its log, and by the side output that an
 * attempt writes before its entry. All items are read, because an item that an interrupted attempt left can be
 * anywhere.
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
  for await (const item of itemsOf(dynamodb, 'state', names.state)) {
    const place = placeInState(item);
    // Every entry carries the last record that is in: the greatest of them is that of the last entry.
    if (place !== undefined) take(place, latestOf(held.get(place.shardId)?.committed, place.number));
  }
  for await (const item of itemsOf(dynamodb, 'rejects', names.rejects)) {
    const place = placeInRejects(item);
    if (place !== undefined) take(place, undefined);
  }
  return held;
}

/** The place of an entry of a log (functions/state/log/entry.ts). */
function placeInState({ pk, last }: ScannedItem): Place | undefined {
  const [kind, shardId] = pk.split('#');
  return kind === 'log' ? placeOf(shardId, last) : undefined;
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
        ProjectionExpression: `${partitionKey}, ${sortKey}, #last`,
        ExpressionAttributeNames: { '#last': 'last' },
        ...(ExclusiveStartKey && { ExclusiveStartKey }),
      })
      .catch((error: unknown) => {
        if (error instanceof AwsJsonError && error.code === 'ResourceNotFoundException') return undefined;
        throw error;
      });
    for (const item of page?.Items ?? [])
      yield { pk: item[partitionKey]?.S ?? '', sk: item[sortKey]?.S ?? '', last: item.last?.S };
    ExclusiveStartKey = page?.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
}
