import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { tables as shapes, type TableName, type TableShape } from '../../core/deployment/tables.ts';
import { createMeter, dynamoDbTable, type Meter } from './dynamodb-table.ts';
import type { Patience } from './patience.ts';
import type { Table } from './table.ts';

/** The three tables, and the cost of the calls to them. */
export interface Tables extends Readonly<Record<TableName, Table>> {
  readonly meter: Meter;
}

/** Most calls under way at a time: as many as one invocation keeps busy. */
const sockets = 64;

/**
 * Opens the tables under their names.
 * @param config where they are; the SDK finds region, credentials and endpoint itself unless they are given
 */
export function openTables(
  names: Readonly<Record<TableName, string>>,
  patience: Patience,
  config: DynamoDBClientConfig = {},
): Tables {
  const options = { client: openClient(config), meter: createMeter(), patience };
  return {
    meter: options.meter,
    state: dynamoDbTable(names.state, shapes.state, options),
    windows: dynamoDbTable(names.windows, shapes.windows, options),
    rejects: dynamoDbTable(names.rejects, shapes.rejects, options),
  };
}

/** Opens a table of somebody else. The cost of calls to it is counted nowhere. */
export function openForeignTable(
  name: string,
  shape: TableShape,
  patience: Patience,
  config: DynamoDBClientConfig,
): Table {
  return dynamoDbTable(name, shape, { client: new DynamoDBClient({ ...config }), meter: createMeter(), patience });
}

/** Opens one table, for a function that knows no other. */
export function openTable(
  table: TableName,
  name: string,
  patience: Patience,
  config: DynamoDBClientConfig = {},
): { readonly table: Table; readonly meter: Meter } {
  const meter = createMeter();
  return { table: dynamoDbTable(name, shapes[table], { client: openClient(config), meter, patience }), meter };
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
