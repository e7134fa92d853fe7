import { LambdaClient } from '@aws-sdk/client-lambda';
import type { FailedWindow, SinkStatus } from '../../../functions/operations/sinks.ts';
import { finalizeFunction, operationOptions } from '../../deployment/deployed.ts';
import { clientConfig } from '../../deployment/endpoint.ts';
import { type AskOperation, askOperation } from '../../deployment/invoke.ts';
import { formatNumber } from '../../print/number-text.ts';
import { createProgress } from '../../print/progress.ts';
import { printTable } from '../../print/table.ts';
import { spanText, windowText } from '../../print/time-text.ts';
import { printLines } from '../../print/wrap.ts';
import { type CommandProcess, defineCommand, flag } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';

export default defineCommand({
  operands: [
    { name: 'ACTION', description: 'status, or redrive: deliver once more what was given up' },
    { name: '[SINK]', description: 'for redrive: whose dead letters' },
  ],
  description:
    'Where results go besides the windows table: of each sink, how much was delivered, what waits and since when, and what was given up and why ' +
    '(dead letters). Exit code 1 when there are dead letters.',
  options: {
    ...operationOptions,
    json: flag('print one JSON object a sink'),
  },
  examples: [
    ['tidemark sinks status --port 4500', 'delivered, waiting, oldest, failed with the reason'],
    [
      'tidemark sinks redrive toQueue --stack tidemark-device-actions-prod',
      'after what was wrong at the target was put right',
    ],
  ],
  async run({ operands: [action, sink], options, process }) {
    if (action !== 'status' && action !== 'redrive')
      throw new UsageError(`${action} is not known: use status or redrive`);
    if (action === 'redrive' && sink === undefined)
      throw new UsageError('SINK is missing: name the sink whose dead letters are to be delivered');
    const name = await finalizeFunction(options);
    const ask = askOperation(new LambdaClient(clientConfig(options)), name);
    if (action === 'redrive') return redrive(ask, sink ?? '', options.json, process);
    const { sinks } = await ask({ request: 'sinks' });
    const wanted = sink === undefined ? sinks : sinks.filter((one) => one.sink === sink);
    if (sink !== undefined && wanted.length === 0)
      throw new UsageError(
        `${sink} is not a sink of the pipeline: use ${sinks.map((one) => one.sink).join(', ') || 'none, it has none'}`,
      );
    if (options.json) for (const one of wanted) process.stdout.write(`${JSON.stringify(one)}\n`);
    else print(wanted, process);
    return wanted.some(({ dead }) => dead > 0) ? 1 : 0;
  },
});

async function redrive(ask: AskOperation, sink: string, json: boolean, process: CommandProcess): Promise<number> {
  const progress = createProgress({ label: 'redrive', total: undefined }, process);
  let redriven = 0;
  for (;;) {
    process.signal.throwIfAborted();
    const answer = await ask({ request: 'redrive', sink });
    redriven += answer.redriven;
    progress.update(redriven, `${formatNumber(redriven)} windows`);
    if (!answer.done) continue;
    progress.stop('');
    process.stdout.write(
      json
        ? `${JSON.stringify({ ...answer, redriven })}\n`
        : `tidemark: ${sink}: ${formatNumber(redriven)} windows are delivered once more\n`,
    );
    return 0;
  }
}

function print(sinks: readonly SinkStatus[], { stdout, now }: CommandProcess): void {
  if (sinks.length === 0) {
    stdout.write('the pipeline has no sinks\n');
    return;
  }
  const ago = (ms: number | null) => (ms === null ? '' : spanText(Math.max(0, Math.round((now() - ms) / 1000) * 1000)));
  printTable(
    stdout,
    [
      { heading: 'sink' },
      { heading: 'kind' },
      { heading: 'mode' },
      { heading: 'delivered', align: 'right' },
      { heading: 'waiting', align: 'right' },
      { heading: 'oldest', align: 'right' },
      { heading: 'dead', align: 'right' },
    ],
    sinks.map(({ sink, kind, mode, delivered, waiting, waitingSince, dead }) => [
      sink,
      kind,
      mode,
      delivered,
      waiting,
      ago(waitingSince),
      dead,
    ]),
  );
  for (const { sink, served, failing, deadLetters } of sinks) {
    if (!served) printLines(`${sink} is not served here: nothing is published to it`, stdout);
    else if (failing !== null) printLines(`${sink} fails with: ${failing.reason ?? 'no reason given'}`, stdout);
    for (const letter of deadLetters)
      printLines(`${sink}: ${windowLine(letter)}, ${letter.attempts} attempts: ${letter.reason ?? ''}`, stdout);
  }
}

/** A window in one line. */
function windowLine({ query, start, end, revision }: FailedWindow): string {
  return `${query} ${windowText(start, end)} UTC r${revision}`;
}
