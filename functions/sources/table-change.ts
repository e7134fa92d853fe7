import { argumentError } from '../core/arguments/error.ts';
import { imageJson } from '../state/table/image.ts';

/** A change of an item, as the event that is put into the stream. */
export interface TableChange {
  /** DynamoDB's id of the change. It is the same at each delivery. */
  readonly id: string;
  readonly type: 'INSERT' | 'MODIFY' | 'REMOVE';
  /** When DynamoDB made it, epoch ms, in whole seconds. */
  readonly time: number;
  readonly table: string;
  /** Orders the changes of an item. Decimal, up to 40 digits. */
  readonly sequenceNumber: string;
  readonly keys: unknown;
  /** The item after the change; null when it was removed, or the table's stream does not hold it. */
  readonly newImage: unknown;
  /** The item before the change; null when it is new, or the table's stream does not hold it. */
  readonly oldImage: unknown;
  /** Whether the item was removed because its time to live was over. */
  readonly expired: boolean;
}

/**
 * The changes of a batch of DynamoDB Streams, in their order.
 * @throws TidemarkError that names the field; Lambda then delivers the same batch again, or tells whoever made it
 */
export function tableChanges(event: unknown): readonly TableChange[] {
  const records: unknown = isObject(event) ? event.Records : undefined;
  if (!Array.isArray(records))
    throw argumentError(
      'Records',
      records,
      'is not a list: invoke this function by its event source mapping from DynamoDB Streams only',
    );
  return records.map((record, i) => tableChange(`Records[${i}]`, record));
}

const types = ['INSERT', 'MODIFY', 'REMOVE'] as const;

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html, as Lambda gives it. */
function tableChange(field: string, record: unknown): TableChange {
  if (!isObject(record)) throw argumentError(field, record, 'is not a record: give the event of DynamoDB Streams');
  const { eventID, eventName, eventSource, eventSourceARN, dynamodb, userIdentity } = record;
  if (eventSource !== 'aws:dynamodb')
    throw argumentError(
      `${field}.eventSource`,
      eventSource,
      'is not aws:dynamodb: remove the trigger, this function reads a DynamoDB stream only',
    );
  if (typeof eventID !== 'string' || eventID === '')
    throw argumentError(`${field}.eventID`, eventID, 'is not the id of a change');
  const type = types.find((known) => known === eventName);
  if (type === undefined)
    throw argumentError(`${field}.eventName`, eventName, `is not a change: use ${types.join(', ')}`);
  if (!isObject(dynamodb))
    throw argumentError(`${field}.dynamodb`, dynamodb, 'is not a change: give the event of DynamoDB Streams');
  const {
    ApproximateCreationDateTime: seconds,
    SequenceNumber: sequenceNumber,
    Keys: keys,
    NewImage,
    OldImage,
  } = dynamodb;
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds < 1e11))
    throw argumentError(
      `${field}.dynamodb.ApproximateCreationDateTime`,
      seconds,
      'is not a time: give the seconds since 1970',
    );
  if (typeof sequenceNumber !== 'string' || !/^\d{1,129}$/.test(sequenceNumber))
    throw argumentError(
      `${field}.dynamodb.SequenceNumber`,
      sequenceNumber,
      'is not a sequence number: give decimal digits as text',
    );
  if (!isObject(keys)) throw argumentError(`${field}.dynamodb.Keys`, keys, 'are not the keys of an item');
  const table = typeof eventSourceARN === 'string' ? /:table\/([^/]+)/.exec(eventSourceARN)?.[1] : undefined;
  if (table === undefined) throw argumentError(`${field}.eventSourceARN`, eventSourceARN, 'names no table');
  const expired = type === 'REMOVE' && isObject(userIdentity) && userIdentity.principalId === 'dynamodb.amazonaws.com';
  return {
    id: eventID,
    type,
    time: Math.round(seconds * 1000),
    table,
    sequenceNumber,
    keys: imageJson(keys),
    newImage: isObject(NewImage) ? imageJson(NewImage) : null,
    oldImage: isObject(OldImage) ? imageJson(OldImage) : null,
    expired,
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
