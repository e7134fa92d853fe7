import { setTimeout as delay } from 'node:timers/promises';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { isoTime } from '../../../functions/core/events/event-time.ts';
import { finalizeFunction, operationOptions } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { askOperation } from '../../deployment/invoke.ts';
import { defineCommand, flag, valueOr } from '../../program/command.ts';
import { TidemarkError } from '../../program/errors.ts';
import { integer } from '../../program/option-value.ts';

/** The pause between two requests, in ms. */
const againAfterMs = 200;

export default defineCommand({
  description:
    'The end of a finite stream: waits until everything that was put is in, then closes every window and waits until all are final. ' +
    'An event that is put afterwards with an earlier event time is late.',
  options: {
    ...operationOptions,
    timeout: valueOr('seconds', 'give up after this long', integer(1, 86_400), 300),
    json: flag('print the last answer as one JSON object'),
  },
  examples: [['tidemark drain --port 4500', 'end the stream on the embedded AWS']],
  async run({ options, process }) {
    const name = await finalizeFunction(options);
    const ask = askOperation(new LambdaClient(clientConfig(options)), name);
    const deadline = process.now() + options.timeout * 1000;
    for (;;) {
      process.signal.throwIfAborted();
      const answer = await ask({ request: 'drain' });
      if (answer.drained) {
        const { watermark } = answer;
        process.stdout.write(
          options.json
            ? `${JSON.stringify(answer)}\n`
            : `drained: every window is final (watermark ${watermark === null ? 'none' : isoTime(watermark)})\n`,
        );
        return 0;
      }
      if (process.now() > deadline)
        throw new TidemarkError(
          `drain: not all records are in after ${options.timeout} s: look at tidemark status and the log of aggregate, or give --timeout more`,
        );
      await delay(againAfterMs);
    }
  },
});
