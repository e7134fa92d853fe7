import { LambdaClient } from '@aws-sdk/client-lambda';
import { finalizeFunction, operationOptions } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { askOperation } from '../../deployment/invoke.ts';
import { formatNumber } from '../../print/number-text.ts';
import { createProgress } from '../../print/progress.ts';
import { defineCommand, flag } from '../../program/command.ts';

export default defineCommand({
  operands: [{ name: 'QUERY@VERSION', description: 'a query that the deployed pipeline no longer has' }],
  description:
    'Deletes all that is kept of a version of a query: its windows, final ones too, and its state. Refused while the deployed pipeline has it. There is ' +
    'no way back but a backup of the windows table.',
  options: {
    ...operationOptions,
    json: flag('print the answer as one JSON object'),
  },
  examples: [
    ['tidemark remove actionsPerHour@1 --port 4500', 'after it was taken out of the pipeline and that was deployed'],
  ],
  async run({ operands, options, process }) {
    const [query = ''] = operands;
    const name = await finalizeFunction(options);
    const ask = askOperation(new LambdaClient(clientConfig(options)), name);
    const progress = createProgress({ label: 'remove', total: undefined }, process);
    let windows = 0;
    for (;;) {
      process.signal.throwIfAborted();
      const answer = await ask({ request: 'remove', query });
      windows += answer.windows;
      progress.update(windows, `${formatNumber(windows)} windows`);
      if (!answer.done) continue;
      progress.stop('');
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ ...answer, windows })}\n`
          : `tidemark: ${answer.removed} is removed, with ${formatNumber(windows)} windows\n`,
      );
      return 0;
    }
  },
});
