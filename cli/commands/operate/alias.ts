import { LambdaClient } from '@aws-sdk/client-lambda';
import { finalizeFunction, operationOptions } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { askOperation } from '../../deployment/invoke.ts';
import { defineCommand, flag } from '../../program/command.ts';

export default defineCommand({
  operands: [
    { name: 'QUERY@VERSION', description: 'the version that the name without a version stands for from now on' },
  ],
  description:
    'Switches the name of a query to one of its versions, for all readers of the API at once; back again in the same way.',
  options: {
    ...operationOptions,
    json: flag('print the answer as one JSON object'),
  },
  examples: [['tidemark alias actionsPerHour@2 --port 4500', '/v1/queries/actionsPerHour/... answers from version 2']],
  async run({ operands, options, process }) {
    const [query = ''] = operands;
    const name = await finalizeFunction(options);
    const ask = askOperation(new LambdaClient(clientConfig(options)), name);
    const answer = await ask({ request: 'alias', query });
    process.stdout.write(
      options.json ? `${JSON.stringify(answer)}\n` : `tidemark: ${query.split('@', 1)[0]} is ${answer.serves} now\n`,
    );
    return 0;
  },
});
