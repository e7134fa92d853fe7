import { type TableName, tables } from '../../functions/core/deployment/tables.ts';
import { latestOf, type SequenceNumber } from '../../functions/core/events/sequence-number.ts';
import { partitionsOf } from '../../functions/state/items/partition.ts';
import { type AwsJson, AwsJsonError } from './account/aws-json.ts';

/** What the tables hold of one shard of a stream of Kinesis. */
export interface HeldRecords {
  /** The last committed record; undefined before the first. */
  readonly committed: SequenceNumber | undefined;
  /** The last record of which anything is held: beyond the committed one where an attempt was interrupted. */
  readonly greatest: SequenceNumber;
}

interface ScanAnswer {
  readonly Items: readonly Readonly<Record<string, { readonly S?: string }>>[];
  readonly LastEvaluatedKey?: object;
}

/** An item's key, and its number where it has one. */
interface ScannedItem {
  readonly pk: string;
  readonly sk: string;
  readonly sequenceNumber: SequenceNumber | undefined;
}

/** Of a record of Kinesis; history that was filled in goes by other names. */
interface Place {
  readonly shardId: string;
  readonly number: SequenceNumber;
}

/**
 * How far the tables know each shard, by shard: its progress (DESIGN section 4, `S`), and what an attempt writes before
 * that: pages, ids and the side output. All are read, for an item that an interrupted attempt left can be anywhere.
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

/** Keys as progress.ts, page.ts and id-log.ts make them. */
function placeInState({ pk, sk, sequenceNumber }: ScannedItem, progress: ReadonlySet<string>): Place | undefined {
  if (progress.has(pk)) return placeOf(sk, sequenceNumber);
  const [kind, shardId] = pk.split('#');
  if (kind === 'page') return placeOf(shardId, sequenceNumber);
  if (kind === 'ids') return placeOf(shardId, sk.split('#')[2]);
  return undefined;
}

/** Keys as rejects.ts makes them. */
function placeInRejects({ pk, sk }: ScannedItem): Place | undefined {
  return placeOf(pk.slice(pk.indexOf('#') + 1), sk.split('#')[0]);
}

function placeOf(shardId: string | undefined, number: string | undefined): Place | undefined {
  if (shardId === undefined || number === undefined) return undefined;
  return /^shardId-\d+$/.test(shardId) && /^\d+$/.test(number) ? { shardId, number } : undefined;
}

/** All items of a table; none of one that is not there. */
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
