import { setTimeout as delay } from 'node:timers/promises';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { finalizeFunction, operationOptions } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { askOperation } from '../../deployment/invoke.ts';
import { formatNumber } from '../../print/number-text.ts';
import { createProgress } from '../../print/progress.ts';
import { momentText, spanText } from '../../print/time-text.ts';
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
    const progress = createProgress({ label: 'drain', total: undefined }, process);
    let windows = 0;
    try {
      for (;;) {
        process.signal.throwIfAborted();
        const answer = await ask({ request: 'drain' });
        windows += answer.windows;
        if (answer.drained) {
          const { watermark } = answer;
          progress.stop('');
          process.stdout.write(
            options.json
              ? `${JSON.stringify(answer)}\n`
              : `drained: every window is final (watermark ${watermark === null ? 'none' : momentText(watermark)})\n`,
          );
          return 0;
        }
        const leftMs = deadline - process.now();
        if (leftMs < 0)
          throw new TidemarkError(
            `drain: not all records are in after ${options.timeout} s: look at tidemark status and the log of aggregate, or give --timeout more`,
          );
        progress.update(
          windows,
          `${formatNumber(windows)} windows became final, ${formatNumber(answer.windowsOpen)} open, gives up in ${spanText(Math.ceil(leftMs / 1000) * 1000)}`,
        );
        await delay(againAfterMs, undefined, { signal: process.signal });
      }
    } finally {
      progress.stop('');
    }
  },
});
