import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { tables as shapes, type TableName } from '../../../../functions/core/deployment/tables.ts';
import { writeUnitsOf } from '../../../../functions/state/table/packed-text.ts';
import { seededRandom } from '../../../../functions/testing/random.ts';
import { conditionHolds, type Expressions, keyRangeOf, type StoredItem, setBy } from './expressions.ts';
import type { Invocation } from './invocation.ts';
import type { AwsLimits } from './limits.ts';
import type { RowCosts } from './row-costs.ts';
import { type Stored, StoredPartition, storedOf } from './stored-partition.ts';
import { type Throughput, throughputOf } from './throughput.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Three tables of DynamoDB with its limits, whose time is virtual. */
export interface SimulatedDynamo {
  /** The client of an invocation, for functions/state/table/dynamodb-table.ts: what the SDK does is done here. */
  clientOf(invocation: Invocation): DynamoDBClient;
  /** The items of a table, by partition key: for what a case prepares and for what it looks at. */
  readonly items: Readonly<Record<TableName, Map<string, StoredPartition>>>;
  readonly throughput: Throughput;
  /** Puts an item that costs nothing: for what a case prepares. */
  prepare(table: TableName, pk: string, sk: string, stored: Stored): void;
  /** Bytes of all items, for an estimate of what they take in this process. */
  readonly heldBytes: number;
  /** Called with each item that is written. */
  onWrite: (table: TableName, pk: string, sk: string, stored: Stored) => void;
}

/** Attempts of the SDK's client (functions/state/table/tables.ts), and its back-off when it is throttled, in ms. */
const maxAttempts = 6;
const throttledBaseMs = 500;
const mostBackOffMs = 20_000;

/** What a call of the SDK has come to. */
interface Answer {
  readonly output: object;
  /** CPU that the answer takes, in ms. */
  readonly cpuMs: number;
}

type Outcome = Answer | 'throttled' | 'refused' | Error;

/** A command, as the client gets it. */
interface Command {
  readonly input: Record<string, unknown>;
}

export function simulatedDynamo(time: VirtualTime, limits: AwsLimits, costs: RowCosts): SimulatedDynamo {
  const items = { state: new Map(), windows: new Map(), rejects: new Map() } as SimulatedDynamo['items'];
  const throughput = throughputOf(time, limits);
  const random = seededRandom(1);
  let heldBytes = 0;

  const partitionOf = (table: TableName, pk: string): StoredPartition => {
    let partition = items[table].get(pk);
    if (partition === undefined) {
      partition = new StoredPartition();
      items[table].set(pk, partition);
    }
    return partition;
  };
  const keyOf = (table: TableName, key: StoredItem): readonly [pk: string, sk: string] => {
    const { partitionKey, sortKey } = shapes[table];
    return [key[partitionKey]?.S ?? '', key[sortKey]?.S ?? ''];
  };
  const found = (table: TableName, pk: string, sk: string) => items[table].get(pk)?.items.get(sk);
  const decodeMs = ({ blockRows, windowRows }: Stored) =>
    blockRows * (costs.decode + costs.merge) + windowRows * costs.read;
  const encodeMs = (table: TableName, { blockRows, windowRows, item }: Stored) =>
    // An entry's rows are part of what its events cost.
    (table === 'state' && item['sections'] !== undefined ? 0 : blockRows * costs.encode) + windowRows * costs.emit;

  function store(table: TableName, pk: string, sk: string, stored: Stored | undefined): void {
    const partition = partitionOf(table, pk);
    heldBytes += (stored?.bytes ?? 0) - (partition.items.get(sk)?.bytes ?? 0);
    if (stored === undefined) partition.delete(sk);
    else {
      if (stored.bytes > limits.itemBytes) throw new Error(`item ${pk} / ${sk} has ${stored.bytes} bytes`);
      partition.put(sk, stored);
      dynamo.onWrite(table, pk, sk, stored);
    }
  }

  /** A write of one item: its condition is looked at first, and it costs units whether it holds or not. */
  function write(
    invocation: Invocation,
    table: TableName,
    [pk, sk]: readonly [string, string],
    request: Expressions,
    after: (before: Stored | undefined) => Stored | undefined,
  ): { readonly units: number; readonly stored: Stored | undefined } | 'throttled' | 'refused' {
    const before = found(table, pk, sk);
    const holds = conditionHolds(request, before?.item);
    const stored = holds ? after(before) : undefined;
    const units = writeUnitsOf(Math.max(stored?.bytes ?? 0, before?.bytes ?? 0));
    if (!throughput.write(table, pk, units)) {
      invocation.spent.throttled++;
      return 'throttled';
    }
    invocation.spent.writeUnits += units;
    if (!holds) return 'refused';
    store(table, pk, sk, stored);
    return { units, stored };
  }

  function read(invocation: Invocation, table: TableName, pk: string, bytes: number): number | 'throttled' {
    const units = Math.max(1, Math.ceil(bytes / 4_096));
    if (!throughput.read(table, pk, units)) {
      invocation.spent.throttled++;
      return 'throttled';
    }
    invocation.spent.readUnits += units;
    return units;
  }

  const capacity = (units: number) => ({ ConsumedCapacity: { CapacityUnits: units } });

  function query(invocation: Invocation, table: TableName, input: Record<string, unknown>): Outcome {
    const { pk, from, to } = keyRangeOf(input as Expressions);
    const partition = items[table].get(pk);
    const {
      ExclusiveStartKey: start,
      Limit: limit,
      ScanIndexForward: forward,
      ProjectionExpression: projection,
    } = input;
    const descending = forward === false;
    const startAt = start === undefined ? undefined : keyOf(table, start as StoredItem)[1];
    const page: Stored[] = [];
    let bytes = 0;
    let last: string | undefined;
    if (partition !== undefined) {
      const { keys } = partition;
      let first = from === undefined ? 0 : partition.firstFrom(from);
      let behind = to === undefined ? keys.length : partition.firstFrom(`${to}\u0000`);
      if (startAt !== undefined && descending) behind = Math.min(behind, partition.firstFrom(startAt));
      else if (startAt !== undefined) first = Math.max(first, partition.firstFrom(`${startAt}\u0000`));
      for (let i = 0; i < behind - first; i++) {
        const sk = keys[descending ? behind - 1 - i : first + i] ?? '';
        const stored = partition.items.get(sk);
        if (stored === undefined) throw new Error(`item ${pk} / ${sk} is gone`);
        page.push(stored);
        bytes += stored.bytes;
        // A page ends behind the item that passes a megabyte, or that is the last one asked for.
        if (bytes >= limits.pageBytes || page.length === limit) {
          last = sk;
          break;
        }
      }
    }
    const units = read(invocation, table, pk, bytes);
    if (units === 'throttled') return 'throttled';
    const { partitionKey, sortKey } = shapes[table];
    const isTail = descending && limit === 1;
    const names = (input as Expressions).ExpressionAttributeNames ?? {};
    const wanted =
      typeof projection === 'string' ? projection.split(', ').map((name) => names[name] ?? name) : undefined;
    return {
      output: {
        Items: page.map(({ item }) => (wanted === undefined ? item : picked(item, wanted))),
        ...(last === undefined ? {} : { LastEvaluatedKey: { [partitionKey]: { S: pk }, [sortKey]: { S: last } } }),
        ...capacity(units),
      },
      // A tail is read for its totals.
      cpuMs: wanted === undefined && !isTail ? page.reduce((total, stored) => total + decodeMs(stored), 0) : 0,
    };
  }

  function perform(invocation: Invocation, command: Command): Outcome {
    const { input } = command;
    const table = input['TableName'] as TableName;
    if (command instanceof GetItemCommand) {
      const [pk, sk] = keyOf(table, input['Key'] as StoredItem);
      const stored = found(table, pk, sk);
      const units = read(invocation, table, pk, stored?.bytes ?? 0);
      if (units === 'throttled') return 'throttled';
      return { output: { Item: stored?.item, ...capacity(units) }, cpuMs: stored === undefined ? 0 : decodeMs(stored) };
    }
    if (command instanceof QueryCommand) return query(invocation, table, input);
    if (command instanceof BatchWriteItemCommand) return batchWrite(invocation, input);
    if (command instanceof BatchGetItemCommand) return batchGet(invocation, input);
    const key = keyOf(table, (input['Item'] ?? input['Key']) as StoredItem);
    const isUpdate = command instanceof UpdateItemCommand;
    if (!isUpdate && !(command instanceof PutItemCommand) && !(command instanceof DeleteItemCommand))
      throw new Error(`unknown command ${String(command)}`);
    const written = write(invocation, table, key, input as Expressions, (before) => {
      if (isUpdate)
        return storedOf({ ...(input['Key'] as StoredItem), ...before?.item, ...setBy(input as Expressions) });
      return command instanceof DeleteItemCommand ? undefined : storedOf(input['Item'] as StoredItem);
    });
    if (typeof written === 'string') return written;
    return {
      output: { Attributes: isUpdate ? written.stored?.item : undefined, ...capacity(written.units) },
      cpuMs: 0,
    };
  }

  function batchWrite(invocation: Invocation, input: Record<string, unknown>): Outcome {
    const requested = input['RequestItems'] as Record<TableName, readonly WriteRequest[]>;
    const unprocessed: Partial<Record<TableName, WriteRequest[]>> = {};
    let units = 0;
    let done = 0;
    for (const [table, requests] of Object.entries(requested) as [TableName, readonly WriteRequest[]][]) {
      if (requests.length > limits.batchWrite) throw new Error(`${requests.length} items in a BatchWriteItem`);
      for (const request of requests) {
        const item = request.PutRequest?.Item;
        const key = keyOf(table, (item ?? request.DeleteRequest?.Key) as StoredItem);
        const written = write(invocation, table, key, {}, () => (item === undefined ? undefined : storedOf(item)));
        if (written === 'throttled') {
          unprocessed[table] ??= [];
          unprocessed[table]?.push(request);
        } else if (written !== 'refused') {
          units += written.units;
          done++;
        }
      }
    }
    // DynamoDB throws when it could write none of them.
    if (done === 0) return 'throttled';
    return { output: { UnprocessedItems: unprocessed, ConsumedCapacity: [{ CapacityUnits: units }] }, cpuMs: 0 };
  }

  function batchGet(invocation: Invocation, input: Record<string, unknown>): Outcome {
    const responses: Partial<Record<TableName, StoredItem[]>> = {};
    const unprocessed: Partial<Record<TableName, { Keys: StoredItem[] }>> = {};
    let bytes = 0;
    let total = 0;
    let cpuMs = 0;
    let count = 0;
    const requested = input['RequestItems'] as Record<TableName, { readonly Keys: readonly StoredItem[] }>;
    for (const [table, { Keys: keys, ...how }] of Object.entries(requested) as [TableName, { Keys: StoredItem[] }][])
      for (const key of keys) {
        if (++count > limits.batchGet) throw new Error('too many items in a BatchGetItem');
        const [pk, sk] = keyOf(table, key);
        const stored = found(table, pk, sk);
        const units = bytes > limits.batchGetBytes ? 'throttled' : read(invocation, table, pk, stored?.bytes ?? 0);
        if (units === 'throttled') {
          unprocessed[table] ??= { ...how, Keys: [] };
          unprocessed[table]?.Keys.push(key);
          continue;
        }
        total += units;
        if (stored === undefined) continue;
        bytes += stored.bytes;
        cpuMs += decodeMs(stored);
        responses[table] ??= [];
        responses[table]?.push(stored.item);
      }
    if (total === 0) return 'throttled';
    return {
      output: { Responses: responses, UnprocessedKeys: unprocessed, ConsumedCapacity: [{ CapacityUnits: total }] },
      cpuMs,
    };
  }

  /** CPU for what a command brings, in ms. */
  function requestCpuMs({ input }: Command): number {
    const table = input['TableName'] as TableName;
    const batch = input['RequestItems'] as Record<string, unknown> | undefined;
    const given: [TableName, StoredItem][] = input['Item'] === undefined ? [] : [[table, input['Item'] as StoredItem]];
    for (const [name, requests] of Object.entries(batch ?? {}))
      if (Array.isArray(requests))
        for (const { PutRequest: put } of requests as readonly WriteRequest[])
          if (put !== undefined) given.push([name as TableName, put.Item]);
    return given.reduce((total, [name, item]) => total + encodeMs(name, storedOf(item)), limits.callCpuMs);
  }

  /** What DynamoDB refuses as invalid fails the call. */
  function outcomeOf(invocation: Invocation, command: Command): Outcome {
    try {
      return perform(invocation, command);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async function send(invocation: Invocation, command: Command): Promise<object> {
    await invocation.compute(requestCpuMs(command));
    for (let attempt = 0; ; attempt++) {
      invocation.spent.calls++;
      const outcome = await new Promise<Outcome>((resolve) => {
        const half = limits.callMs / 2;
        // What was sent takes effect, whatever becomes of the sender.
        time.at(time.now() + half, () => {
          const performed = outcomeOf(invocation, command);
          time.at(time.now() + half, () => resolve(performed));
        });
      });
      if (outcome === 'refused') {
        await invocation.wait(0);
        throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {} });
      }
      if (outcome instanceof Error) throw outcome;
      if (outcome !== 'throttled') {
        await invocation.compute(outcome.cpuMs);
        return outcome.output;
      }
      if (attempt + 1 >= maxAttempts) {
        await invocation.wait(0);
        throw new ProvisionedThroughputExceededException({
          message: 'Throughput exceeds the current capacity',
          $metadata: {},
        });
      }
      await invocation.wait(Math.min(mostBackOffMs, Math.floor(random.unit() * throttledBaseMs * 2 ** attempt)));
    }
  }

  const dynamo: SimulatedDynamo = {
    clientOf: (invocation) => ({ send: (command: Command) => send(invocation, command) }) as unknown as DynamoDBClient,
    items,
    throughput,
    prepare: store,
    get heldBytes() {
      return heldBytes;
    },
    onWrite: () => {},
  };
  return dynamo;
}

interface WriteRequest {
  readonly PutRequest?: { readonly Item: StoredItem };
  readonly DeleteRequest?: { readonly Key: StoredItem };
}

function picked(item: StoredItem, names: readonly string[]): StoredItem {
  return Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));
}
