import {
  type AttributeValue,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  type ConsumedCapacity,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandOutput,
  ResourceNotFoundException,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { TidemarkError } from '../../core/arguments/error.ts';
import type { TableShape } from '../../core/deployment/tables.ts';
import { isThrottle, type Patience, patiently, waits } from './patience.ts';
import type { Attribute, Change, Clause, Item, Key, Range, Table } from './table.ts';

/**
 * The cost of calls: write and read units as DynamoDB reports them, and conditional writes that were refused, which
 * cost their units too.
 */
export interface Meter {
  writeUnits: number;
  readUnits: number;
  refusedWrites: number;
}

export function createMeter(): Meter {
  return { writeUnits: 0, readUnits: 0, refusedWrites: 0 };
}

/** DynamoDB's limit for one BatchWriteItem call. */
const batchItems = 25;

/** BatchWriteItem calls of one `putAll` under way at a time. Each may hold 10 MB. */
const batchesAtATime = 4;

/** The parts of a table besides its name and its shape. */
export interface TableOptions {
  readonly client: DynamoDBClient;
  /** The cost of calls goes there. */
  readonly meter: Meter;
  /** For calls that DynamoDB has no capacity for. */
  readonly patience: Patience;
}

/**
 * A table of DynamoDB. Every read is strongly consistent. A call that DynamoDB has no capacity for is tried again, by
 * the SDK first, and then as long as the run has time.
 * @throws TidemarkError when the table is missing
 */
export function dynamoDbTable(name: string, shape: TableShape, { client, meter, patience }: TableOptions): Table {
  const send = <T>(call: () => Promise<T>): Promise<T> =>
    patiently(
      patience,
      () => `table ${name}`,
      () => named(name, call),
    );
  const keyOf = ({ pk, sk }: Key) => ({ [shape.partitionKey]: { S: pk }, [shape.sortKey]: { S: sk } });
  const itemOf = (stored: Record<string, AttributeValue>): Item => {
    const {
      [shape.partitionKey]: pk,
      [shape.sortKey]: sk,
      ...attributes
    } = unmarshall(stored, { wrapNumbers: Number });
    return { pk, sk, attributes };
  };
  const storedOf = (item: Item) => ({ ...keyOf(item), ...stored(item.attributes) });
  const spent = (capacity: ConsumedCapacity | undefined, kind: 'readUnits' | 'writeUnits') => {
    meter[kind] += capacity?.CapacityUnits ?? 0;
  };
  const common = { TableName: name, ReturnConsumedCapacity: 'TOTAL' } as const;

  /**
   * Runs a conditional write. A refused condition is an outcome. It costs at least one unit, which DynamoDB does not
   * report.
   */
  async function conditional<T>(write: () => Promise<T>): Promise<T | 'refused'> {
    try {
      return await send(write);
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      meter.refusedWrites++;
      meter.writeUnits++;
      return 'refused';
    }
  }

  /** Writes what it can of a batch. @returns the items that there was no capacity for */
  async function putBatch(batch: readonly Item[]): Promise<readonly Item[]> {
    const byKey = new Map(batch.map((item) => [placeOf(item), item]));
    const requests = batch.map((item) => ({ PutRequest: { Item: storedOf(item) } }));
    const input = { RequestItems: { [name]: requests }, ReturnConsumedCapacity: 'TOTAL' } as const;
    try {
      const answer = await named(name, () => client.send(new BatchWriteItemCommand(input)));
      for (const capacity of answer.ConsumedCapacity ?? []) spent(capacity, 'writeUnits');
      return (answer.UnprocessedItems?.[name] ?? []).flatMap(({ PutRequest: request }) => {
        const item = byKey.get(
          placeOf({ pk: request?.Item?.[shape.partitionKey]?.S ?? '', sk: request?.Item?.[shape.sortKey]?.S ?? '' }),
        );
        return item === undefined ? [] : [item];
      });
    } catch (error) {
      if (!isThrottle(error)) throw error;
      return batch;
    }
  }

  return {
    async get(key) {
      const answer = await send(() =>
        client.send(new GetItemCommand({ ...common, Key: keyOf(key), ConsistentRead: true })),
      );
      spent(answer.ConsumedCapacity, 'readUnits');
      return answer.Item === undefined ? undefined : itemOf(answer.Item);
    },

    async query(pk, range = {}) {
      const items: Item[] = [];
      const expression = rangeExpression(pk, range, shape);
      const read = (start: Record<string, AttributeValue> | undefined, wanted: number | undefined) => {
        const limit = wanted === undefined ? {} : { Limit: wanted };
        const input = {
          ...common,
          ...expression,
          ...limit,
          ConsistentRead: true,
          ScanIndexForward: range.order !== 'descending',
        };
        const page = send(() =>
          client.send(new QueryCommand(start === undefined ? input : { ...input, ExclusiveStartKey: start })),
        );
        // The caller that awaits the page gets the error. No caller may await it when the page before cannot be read.
        page.catch(() => undefined);
        return page;
      };
      let found = 0;
      for (let page: ReturnType<typeof read> | undefined = read(undefined, range.limit); page !== undefined; ) {
        const {
          ConsumedCapacity: capacity,
          Items: stored = [],
          LastEvaluatedKey: last,
        }: QueryCommandOutput = await page;
        spent(capacity, 'readUnits');
        found += stored.length;
        const wanted = range.limit === undefined ? undefined : range.limit - found;
        // The next page is fetched while this one is decoded, which takes as long.
        page = last === undefined || wanted === 0 ? undefined : read(last, wanted);
        for (const item of stored) items.push(itemOf(item));
      }
      return items;
    },

    async put(item, when) {
      const input = { ...common, Item: storedOf(item), ...condition(when, new Names()) };
      const answer = await conditional(() => client.send(new PutItemCommand(input)));
      if (answer === 'refused') return 'refused';
      spent(answer.ConsumedCapacity, 'writeUnits');
      return 'applied';
    },

    async putAll(items) {
      const queue = spread(items);
      const waiting = () => `table ${name}: ${queue.length} items or more are not written`;
      let failed = false;
      const writer = async () => {
        const pauses = waits(patience, waiting);
        while (!failed) {
          const batch = queue.splice(0, batchItems);
          if (batch.length === 0) return;
          const left = await putBatch(batch);
          queue.push(...left);
          if (left.length === 0) pauses.done();
          else await pauses.again(left.length < batch.length ? 'some' : 'none');
        }
      };
      const writers = Array.from({ length: Math.min(batchesAtATime, Math.ceil(items.length / batchItems)) }, () =>
        writer().catch((error: unknown) => {
          failed = true;
          throw error;
        }),
      );
      await Promise.allSettled(writers);
      await Promise.all(writers);
    },

    async update(key, change, when) {
      const names = new Names();
      const input = {
        ...common,
        Key: keyOf(key),
        ReturnValues: 'ALL_NEW' as const,
        UpdateExpression: updateExpression(change, names),
      };
      const answer = await conditional(() =>
        client.send(new UpdateItemCommand({ ...input, ...condition(when, names) })),
      );
      if (answer === 'refused') return { outcome: 'refused' };
      spent(answer.ConsumedCapacity, 'writeUnits');
      return { outcome: 'applied', item: itemOf(answer.Attributes ?? {}) };
    },

    async delete(key, when) {
      const input = { ...common, Key: keyOf(key), ...condition(when, new Names()) };
      const answer = await conditional(() => client.send(new DeleteItemCommand(input)));
      if (answer === 'refused') return 'refused';
      spent(answer.ConsumedCapacity, 'writeUnits');
      return 'applied';
    },
  };
}

const placeOf = ({ pk, sk }: Key): string => `${pk}\u0000${sk}`;

/**
 * Items in the order of writing: the partitions take turns, so that a call asks none of them for more than it has to.
 * Of items of one key only the last is written: a call must not hold two.
 */
function spread(items: readonly Item[]): Item[] {
  const partitions = new Map<string, Item[]>();
  for (const item of new Map(items.map((each) => [placeOf(each), each])).values()) {
    const own = partitions.get(item.pk);
    if (own === undefined) partitions.set(item.pk, [item]);
    else own.push(item);
  }
  const turns = Math.max(0, ...[...partitions.values()].map(({ length }) => length));
  return Array.from({ length: turns }, (_, turn) => [...partitions.values()].flatMap((own) => own[turn] ?? [])).flat();
}

/**
 * Translates the SDK's "no such table", so that it travels no further. Every other error is one of infrastructure and
 * is thrown as it is.
 */
async function named<T>(table: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new TidemarkError(
      `table: ${table} does not exist: deploy the stack (or start \`tidemark up\`), or check the region and the endpoint`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Collects the placeholders of one expression. Names are always placeholders: many of ours are DynamoDB's reserved
 * words.
 */
class Names {
  readonly names: Record<string, string> = {};
  readonly values: Record<string, AttributeValue> = {};

  name(attribute: string): string {
    const known = Object.entries(this.names).find(([, name]) => name === attribute);
    if (known !== undefined) return known[0];
    const placeholder = `#n${Object.keys(this.names).length}`;
    this.names[placeholder] = attribute;
    return placeholder;
  }

  value(value: Attribute): string {
    const placeholder = `:v${Object.keys(this.values).length}`;
    Object.assign(this.values, stored({ [placeholder]: value }));
    return placeholder;
  }

  /** The parts of a request that name what the expressions use; DynamoDB refuses empty ones. */
  get placeholders() {
    const values = Object.keys(this.values).length === 0 ? {} : { ExpressionAttributeValues: this.values };
    return Object.keys(this.names).length === 0 ? values : { ExpressionAttributeNames: this.names, ...values };
  }
}

function stored(attributes: Readonly<Record<string, Attribute>>): Record<string, AttributeValue> {
  return marshall(attributes, { allowImpreciseNumbers: true });
}

function condition(when: readonly Clause[] | undefined, names: Names) {
  if (when === undefined || when.length === 0) return names.placeholders;
  const expression = when.map((clause) => clauseExpression(clause, names)).join(' AND ');
  return { ConditionExpression: expression, ...names.placeholders };
}

function clauseExpression(clause: Clause, names: Names): string {
  const name = names.name(clause.attribute);
  switch (clause.is) {
    case 'absent':
      return `attribute_not_exists(${name})`;
    case 'present':
      return `attribute_exists(${name})`;
    case 'equal':
      return `${name} = ${names.value(clause.to)}`;
    case 'absentOrBelow':
      return `(attribute_not_exists(${name}) OR ${name} < ${names.value(clause.bound)})`;
    case 'absentOrOther':
      return `(attribute_not_exists(${name}) OR ${name} <> ${names.value(clause.than)})`;
  }
}

function updateExpression({ set }: Change, names: Names): string {
  const terms = Object.entries(set).map(([attribute, value]) => `${names.name(attribute)} = ${names.value(value)}`);
  return `SET ${terms.join(', ')}`;
}

function rangeExpression(pk: string, range: Range, shape: TableShape) {
  const names = new Names();
  const terms = [`${names.name(shape.partitionKey)} = ${names.value(pk)}`];
  const sort = names.name(shape.sortKey);
  if (range.from !== undefined && range.to !== undefined)
    terms.push(`${sort} BETWEEN ${names.value(range.from)} AND ${names.value(range.to)}`);
  else if (range.from !== undefined) terms.push(`${sort} >= ${names.value(range.from)}`);
  else if (range.to !== undefined) terms.push(`${sort} <= ${names.value(range.to)}`);
  else delete names.names[sort];
  const { only } = range;
  const projection =
    only === undefined
      ? {}
      : {
          ProjectionExpression: [shape.partitionKey, shape.sortKey, ...only]
            .map((attribute) => names.name(attribute))
            .join(', '),
        };
  return { KeyConditionExpression: terms.join(' AND '), ...projection, ...names.placeholders };
}
