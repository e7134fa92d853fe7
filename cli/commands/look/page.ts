import { setTimeout as delay } from 'node:timers/promises';
import { apiOptions, openAddress } from '../../deployment/api-options.ts';
import { startPageProxy } from '../../deployment/page-proxy.ts';
import { printLines } from '../../print/wrap.ts';
import { defineCommand, valueOr } from '../../program/command.ts';
import { integer } from '../../program/option-value.ts';

export default defineCommand({
  description:
    'Serves the live page of a query API on this machine, until Ctrl-C: windows, totals, the watermark, conservation, late and rejected events. ' +
    'Requests to API Gateway are signed with your AWS credentials, which a browser has not.',
  options: {
    ...apiOptions,
    listen: valueOr('port', 'where to listen on 127.0.0.1; 0 for any free port', integer(0, 65_535), 4600),
  },
  examples: [
    [
      'tidemark page --api https://ID.execute-api.eu-west-1.amazonaws.com/v1',
      'the page of a deployed pipeline, at http://127.0.0.1:4600/',
    ],
    ['tidemark page --stack counts', 'the same, by its stack'],
    ['tidemark page --port 4500 --listen 0', 'the one of tidemark up, at any free port'],
  ],
  async run({ options, process }) {
    const proxy = await startPageProxy(await openAddress(options), options.listen);
    printLines(`tidemark: the page is at ${proxy.url} (Ctrl-C ends it)`, process.stdout);
    await delay(2 ** 31 - 1, undefined, { signal: process.signal }).catch(() => undefined);
    await proxy.close();
    return 0;
  },
});
