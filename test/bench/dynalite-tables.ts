import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { tables as shapes, type TableName } from '../../functions/core/deployment/tables.ts';
import { noPatience } from '../../functions/state/table/patience.ts';
import { openTables, type Tables } from '../../functions/state/table/tables.ts';

/** The three tables in a DynamoDB of this process. */
export interface DynaliteTables {
  /** The tables through a client with a meter of its own. */
  open(): Tables;
  /** The names of the tables, for calls that Tidemark does not make. */
  readonly names: Readonly<Record<TableName, string>>;
  readonly client: DynamoDBClient;
  /** The number of requests so far. */
  requests(): number;
  close(): Promise<void>;
}

export async function dynaliteTables(): Promise<DynaliteTables> {
  const server = dynalite({ createTableMs: 0 });
  let requests = 0;
  server.on('request', () => requests++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config: DynamoDBClientConfig = {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const client = new DynamoDBClient(config);
  const names = { state: 'state', windows: 'windows', rejects: 'rejects' };
  for (const table of Object.keys(names) as TableName[]) {
    const { partitionKey, sortKey } = shapes[table];
    await client.send(
      new CreateTableCommand({
        TableName: names[table],
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [partitionKey, sortKey].map((AttributeName) => ({
          AttributeName,
          AttributeType: 'S' as const,
        })),
        KeySchema: [
          { AttributeName: partitionKey, KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
      }),
    );
  }
  return {
    open: () => openTables(names, noPatience, config),
    names,
    client,
    requests: () => requests,
    async close() {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
