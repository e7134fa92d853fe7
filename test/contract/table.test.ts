import { tables } from '../../functions/core/deployment/tables.ts';
import { createMeter, dynamoDbTable } from '../../functions/state/table/dynamodb-table.ts';
import { limitedTable } from '../../functions/state/table/limited-table.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { awsAccount } from '../simulation/scale/aws/aws-account.ts';
import { startInvocation } from '../simulation/scale/aws/invocation.ts';
import { awsLimits } from '../simulation/scale/aws/limits.ts';
import { fixedRowCosts } from '../simulation/scale/aws/row-costs.ts';
import { overDynamoDbLocal, stateTableInDynalite } from './dynamodb-endpoint.ts';
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

tableContract('dynalite', 'service', stateTableInDynalite);

overDynamoDbLocal('table port', (open) => tableContract('DynamoDB Local', 'service', open));
