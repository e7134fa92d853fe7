import { CreateTableCommand, DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { tables as shapes } from '../../functions/core/deployment/tables.ts';
import { noPatience } from '../../functions/state/table/patience.ts';
import { openTables } from '../../functions/state/table/tables.ts';
import type { TableUnderTest } from './table-contract.ts';

/** The address of a service on this machine that speaks DynamoDB. */
function configAt(port: number): DynamoDBClientConfig {
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
}

/** The state table as the functions open it, created at an endpoint. The other two tables do not exist. */
export async function stateTableAt(port: number, closeEndpoint: () => Promise<void>): Promise<TableUnderTest> {
  const client = new DynamoDBClient(configAt(port));
  const { partitionKey, sortKey } = shapes.state;
  await client.send(
    new CreateTableCommand({
      TableName: 'state',
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
  const tables = openTables(
    { state: 'state', windows: 'no-such-windows', rejects: 'no-such-rejects' },
    noPatience,
    configAt(port),
  );
  client.destroy();
  return {
    table: tables.state,
    missing: tables.windows,
    meter: tables.meter,
    close: closeEndpoint,
  };
}
