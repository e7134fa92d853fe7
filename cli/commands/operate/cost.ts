import { adviceOn, type CostAdvice } from '../../cost/advice.ts';
import { misfitOf } from '../../cost/misfit.ts';
import { type Bill, costOf, sumOf } from '../../cost/model.ts';
import { idleOf, pointsTable, turnsText, wayNames } from '../../cost/points.ts';
import { prices } from '../../cost/prices.ts';
import { type CostQuestion, type DeployedSink, usualQuestion } from '../../cost/question.ts';
import { cheapestOf, rivalsOf, turnsOf } from '../../cost/rivals.ts';
import { formatNumber } from '../../print/number-text.ts';
import { printTable } from '../../print/table.ts';
import { printLines } from '../../print/wrap.ts';
import { defineCommand, flag, type OptionValues, value, valueOr } from '../../program/command.ts';
import { UsageError } from '../../program/errors.ts';
import { duration, integer, oneOf, share } from '../../program/option-value.ts';
import type { Output } from '../../program/output.ts';

const usual = usualQuestion;

const options = {
  eventsPerSecond: valueOr('n', 'events a second, on average', integer(0, 10_000_000), usual.eventsPerSecond),
  eventBytes: valueOr('n', 'bytes of an event', integer(1, 1_048_576), usual.eventBytes),
  packed: valueOr('n', 'events in a record of the stream', integer(1, 10_000), usual.eventsPerRecord),
  keys: valueOr('n', 'keys of a window', integer(1, 10_000_000), usual.keys),
  randomKeys: flag('keys are UUIDs, not names such as user-012345'),
  queries: valueOr('n', 'queries, each with as many keys', integer(1, 100), usual.queries),
  aggregates: valueOr('n', 'aggregates of a query', integer(1, 50), usual.aggregates),
  window: value('duration', 'length of a window (default: 1 hour)', seconds(0.001, 366 * 86_400)),
  lateness: value('duration', 'allowed lateness (default: none)', seconds(0, 366 * 86_400)),
  delay: value('duration', 'delay of the watermark (default: 1 minute)', seconds(0, 366 * 86_400)),
  dedup: flag('the pipeline deduplicates'),
  sideOutput: valueOr('share', 'share of events that are late or rejected', share, usual.sideShare),
  shards: valueOr('n', 'shards of a provisioned stream; 0 for one on demand', integer(0, 20_000), usual.shards),
  retention: value('duration', 'how long the stream keeps records (default: 7 days)', seconds(86_400, 7 * 86_400)),
  batchSize: valueOr('n', 'most records of a batch', integer(1, 10_000), usual.batchRecords),
  batchWindow: value('duration', 'how long Lambda gathers a batch (default: 1 second)', seconds(0, 300)),
  memory: valueOr('MB', 'memory of the aggregate function', integer(128, 10_240), usual.memoryMb),
  source: valueOr(
    'kind',
    'who puts events: put, ingest, objects or changes',
    oneOf(['put', 'ingest', 'objects', 'changes']),
    usual.source,
  ),
  perRequest: valueOr(
    'n',
    'events of a request to ingest, or of an object',
    integer(1, 1_000_000),
    usual.eventsPerRequest,
  ),
  sinks: valueOr('kinds', 'sinks of every window, such as sqs,webhook', sinkKinds, usual.sinks),
  requests: valueOr('n', 'requests to the query API a month', integer(0, 1_000_000_000), usual.requestsPerMonth),
  keptMonths: valueOr('n', 'months that windows are kept', integer(1, 1_200), usual.windowMonths),
  bare: flag('no alarms, dashboard and access logs (-c operations=false)'),
  tracing: flag('X-Ray traces requests (-c tracing=true)'),
  terms: flag('print each term of the bill (docs/cost.md)'),
  points: flag("print the README's table of points, in Markdown, and nothing else"),
  json: flag('print one JSON object; dollars a month'),
} as const;

export default defineCommand({
  description:
    'Prints the monthly bill for a stream of events, by service, from a dated table of list prices: ' +
    'when events come, when none come, and beside a Lambda that writes once an event and beside Managed Flink. ' +
    'It says which term dominates, and reckons the bill again for each setting that would lower it.',
  options,
  examples: [
    ['tidemark cost --events-per-second 1000 --keys 100 --shards 2', 'the cost of two shards at half their limit'],
    ['tidemark cost --shards 1 --packed 100 --sinks sqs,webhook --terms', 'packed records and two sinks, term by term'],
  ],
  async run({ options: given, process: { stdout } }) {
    if (given.points) {
      stdout.write(`${pointsTable().join('\n')}\n`);
      return 0;
    }
    const question = questionOf(given);
    const misfit = misfitOf(question);
    if (misfit !== undefined) throw new UsageError(misfit);
    if (given.json) stdout.write(`${JSON.stringify(answerOf(question))}\n`);
    else printBill(question, given.terms, stdout);
    return 0;
  },
});

function questionOf(given: OptionValues<typeof options>): CostQuestion {
  return {
    ...usual,
    eventsPerSecond: given.eventsPerSecond,
    eventBytes: given.eventBytes,
    eventsPerRecord: given.packed,
    keys: given.keys,
    keyNames: given.randomKeys ? 'random' : 'numbered',
    queries: given.queries,
    aggregates: given.aggregates,
    windowSeconds: given.window ?? usual.windowSeconds,
    latenessSeconds: given.lateness ?? usual.latenessSeconds,
    delaySeconds: given.delay ?? usual.delaySeconds,
    dedup: given.dedup ? 'ids' : 'none',
    sideShare: given.sideOutput,
    shards: given.shards,
    retentionHours: given.retention === undefined ? usual.retentionHours : given.retention / 3_600,
    batchRecords: given.batchSize,
    batchSeconds: given.batchWindow ?? usual.batchSeconds,
    memoryMb: given.memory,
    source: given.source,
    eventsPerRequest: given.perRequest,
    sinks: given.sinks,
    requestsPerMonth: given.requests,
    windowMonths: given.keptMonths,
    monitoring: given.bare ? 'none' : 'all',
    tracing: given.tracing ? 'on' : 'off',
  };
}

/** The answer as data: what people get as tables and sentences. */
function answerOf(question: CostQuestion) {
  const tidemark = costOf(question);
  const rivals = rivalsOf(question);
  return {
    prices: { date: prices.date, region: prices.region },
    question,
    tidemark,
    idle: costOf(idleOf(question)),
    ...rivals,
    cheapest: cheapestOf(tidemark, rivals),
    turns: turnsOf(question),
    advice: adviceOn(question),
  };
}

function printBill(question: CostQuestion, byTerm: boolean, stdout: Output): void {
  const { tidemark, idle, writePerEvent, managedFlink, cheapest, advice } = answerOf(question);
  const of = byTerm ? 'terms' : 'services';
  const bills: readonly Bill[] = byTerm
    ? [tidemark.terms, idle.terms]
    : [tidemark.services, idle.services, writePerEvent, managedFlink];
  const headings = byTerm ? ['Tidemark', 'when idle'] : ['Tidemark', 'when idle', 'a write an event', 'Managed Flink'];
  const names = [...new Set([...Object.keys(tidemark[of]), ...bills.flatMap(Object.keys)])];
  const rows = names.map((name) => [name, ...bills.map((bill) => dollars(bill[name]))]);
  const columns = headings.map((heading) => ({ heading, align: 'right' as const }));
  printTable(
    stdout,
    [{ heading: '$ a month' }, ...columns],
    [
      ...rows.filter(([, ...cells]) => cells.some((cell) => cell !== '' && cell !== '0.00')),
      ['in all', ...bills.map((bill) => dollars(sumOf(bill)))],
    ],
  );
  printLines(
    [
      `Besides the stream: $${dollars(tidemark.withoutStream)}. ${formatNumber(Math.round(tidemark.writeUnitsPerMillion))} write units a million events.`,
      ...adviceLines(advice),
      `The cheapest here: ${wayNames[cheapest]}. ${turnsText(question)}`,
      `List prices of ${prices.region} as of ${prices.date}, no free tier. What is assumed: docs/cost.md.`,
    ].join('\n'),
    stdout,
  );
}

function adviceLines({ dearest, changes }: CostAdvice): readonly string[] {
  const share = Math.round(dearest.share * 100);
  return [
    `The dearest term is ${dearest.term}, $${dollars(dearest.dollars)}, ${share} % of the bill.`,
    ...(changes.length === 0
      ? ['No setting would lower the bill by a hundredth.']
      : ['What would lower the bill, each by itself:']),
    ...changes.map(({ change, saves, price }) => `  ${change}: $${dollars(saves)} less; ${price}`),
  ];
}

function seconds(least: number, most: number): (text: string, option: string) => number {
  const parse = duration(0);
  return (text, option) => {
    const found = parse(text, option) / 1000;
    if (found >= least && found <= most) return found;
    throw new UsageError(`${option} is out of bounds: give ${spanText(least)} to ${spanText(most)}, not "${text}"`);
  };
}

function spanText(some: number): string {
  if (some >= 86_400) return `${some / 86_400} ${some === 86_400 ? 'day' : 'days'}`;
  return some < 1 && some > 0 ? `${some * 1000} ms` : `${some} s`;
}

function sinkKinds(text: string, option: string): readonly DeployedSink[] {
  const known = oneOf(Object.keys(prices.sinks) as DeployedSink[]);
  return text === '' ? [] : text.split(',').map((kind) => known(kind.trim(), option));
}

/** Cents only where they matter: a bill is foretold no better. */
function dollars(amount: number | undefined): string {
  if (amount === undefined) return '';
  return amount >= 100 ? formatNumber(Math.round(amount)) : amount.toFixed(2);
}
