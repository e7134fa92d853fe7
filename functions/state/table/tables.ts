import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { tables as shapes, type TableName, type TableShape } from '../../core/deployment/tables.ts';
import { createMeter, dynamoDbTable, type Meter } from './dynamodb-table.ts';
import type { Table } from './table.ts';

/** The three tables, and what calls to them have cost. */
export interface Tables extends Readonly<Record<TableName, Table>> {
  readonly meter: Meter;
}

/** Calls under way at a time, at most: what one invocation keeps busy. */
const sockets = 64;

/**
 * Opens the tables under their names.
 * @param config where they are; region, credentials and endpoint are the SDK's own business unless told
 */
export function openTables(names: Readonly<Record<TableName, string>>, config: DynamoDBClientConfig = {}): Tables {
  const client = openClient(config);
  const meter = createMeter();
  return {
    meter,
    state: dynamoDbTable(client, names.state, shapes.state, meter),
    windows: dynamoDbTable(client, names.windows, shapes.windows, meter),
    rejects: dynamoDbTable(client, names.rejects, shapes.rejects, meter),
  };
}

/** Opens one table, of somebody else: what calls to it cost is counted by nobody. */
export function openForeignTable(name: string, shape: TableShape, config: DynamoDBClientConfig): Table {
  return dynamoDbTable(new DynamoDBClient({ ...config }), name, shape, createMeter());
}

/** Opens one table, for a function that knows no other. */
export function openTable(
  table: TableName,
  name: string,
  config: DynamoDBClientConfig = {},
): { readonly table: Table; readonly meter: Meter } {
  const meter = createMeter();
  return { table: dynamoDbTable(openClient(config), name, shapes[table], meter), meter };
}

function openClient(config: DynamoDBClientConfig): DynamoDBClient {
  return new DynamoDBClient({
    maxAttempts: 6,
    // The stack of middleware is put together once and not for every call: a tenth of what a call costs in CPU.
    cacheMiddleware: true,
    requestHandler: new NodeHttpHandler({ httpAgent: { maxSockets: sockets }, httpsAgent: { maxSockets: sockets } }),
    ...config,
  });
}
