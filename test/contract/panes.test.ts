import { memoryTable } from '../../functions/testing/memory-table.ts';
import { overDynamoDbLocal, stateTableInDynalite } from './dynamodb-endpoint.ts';
import { paneContract } from './pane-contract.ts';

paneContract('in memory', async () => ({
  table: memoryTable(),
  missing: undefined,
  meter: undefined,
  close: async () => {},
}));

paneContract('dynalite', stateTableInDynalite);

overDynamoDbLocal('panes by lane', (open) => paneContract('DynamoDB Local', open));
