import { durationMs, longestDurationMs } from '../../../functions/core/arguments/duration.ts';
import { mapping } from '../../../functions/core/deployment/settings.ts';
import { type Bill, costOf, totalOf } from '../../cost/model.ts';
import { prices } from '../../cost/prices.ts';
import { formatNumber } from '../../print/number-text.ts';
import { printTable } from '../../print/table.ts';
import { printLines } from '../../print/wrap.ts';
import { defineCommand, flag, value, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { integer } from '../../program/option-value.ts';

export default defineCommand({
  description:
    'Prints the monthly bill for a stream of events, by service, from a dated table of list prices: ' +
    'when events come, when none come, and beside a Lambda that writes once a message and beside Managed Flink.',
  options: {
    eventsPerSecond: valueOr('n', 'events a second, on average', integer(0, 10_000_000), 1000),
    keys: valueOr('n', 'keys of a window', integer(1, 10_000_000), 100),
    shards: valueOr('n', 'shards of a provisioned stream; 0 for one on demand', integer(0, 20_000), 0),
    eventBytes: valueOr('n', 'bytes of an event', integer(1, 1_048_576), 200),
    dedup: flag('the pipeline deduplicates'),
    window: value('duration', 'length of a window (default: 1 hour)', seconds),
    batchWindow: value('duration', 'how long Lambda gathers a batch (default: 1 second)', seconds),
    requests: valueOr('n', 'requests to the query API a month', integer(0, 1_000_000_000), 100_000),
    json: flag('print one JSON object; dollars a month'),
  },
  examples: [
    ['tidemark cost --events-per-second 1000 --keys 100 --shards 2', 'the cost of two shards at half their limit'],
  ],
  async run({ options, process }) {
    const answer = costOf({
      eventsPerSecond: options.eventsPerSecond,
      keys: options.keys,
      shards: options.shards,
      eventBytes: options.eventBytes,
      dedup: options.dedup ? 'ids' : 'none',
      windowSeconds: options.window ?? 3600,
      batchSeconds: options.batchWindow ?? mapping.batchWindowSeconds,
      requestsPerMonth: options.requests,
    });
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ prices: { date: prices.date, region: prices.region }, ...answer })}\n`);
      return 0;
    }
    const bills: readonly Bill[] = [answer.tidemark, answer.idle, answer.writePerMessage, answer.managedFlink];
    const services = [...new Set(bills.flatMap(Object.keys))];
    const columns = ['Tidemark', 'when idle', 'a write a message', 'Managed Flink'].map((heading) => ({
      heading,
      align: 'right' as const,
    }));
    const rows = services.map((service) => [service, ...bills.map((bill) => dollars(bill[service]))]);
    const inAll = ['in all', ...bills.map((bill) => dollars(totalOf(bill)))];
    printTable(process.stdout, [{ heading: '$ a month' }, ...columns], [...rows, inAll]);
    printLines(
      `List prices of ${prices.region} as of ${prices.date}, no free tier. ${formatNumber(Math.round(answer.writeUnitsPerMillion))} write units a million events.\n` +
        'Idle: an empty stream, the schedule, metrics, alarms and the dashboard cost money while nothing happens. What is assumed: docs/OPERATIONS.md.',
      process.stdout,
    );
    return 0;
  },
});

function seconds(value: string, option: string): number {
  try {
    return durationMs(option, value, { leastMs: 1, mostMs: longestDurationMs }) / 1000;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Cents only where they matter: a bill is foretold no better. */
function dollars(amount: number | undefined): string {
  if (amount === undefined) return '';
  return amount >= 10 ? formatNumber(Math.round(amount)) : amount.toFixed(2);
}
