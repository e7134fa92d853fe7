import { costOf, sumOf } from './model.ts';
import { type CostQuestion, usualQuestion } from './question.ts';
import { type Cheapest, cheapestOf, rivalsOf, turnsOf } from './rivals.ts';

/** Points of the table in the README: a decade of events each, shards at half their limit. */
const points: readonly (readonly [eventsPerSecond: number, keys: number, shards: number])[] = [
  [10, 100, 1],
  [100, 100, 1],
  [1_000, 100, 2],
  [10_000, 10_000, 20],
  [100_000, 100_000, 200],
];

const columns = [
  'Events a second',
  'Keys',
  'Shards',
  'the stream',
  'Tidemark',
  'when idle',
  'a write an event',
  'Managed Flink',
];

/** The table of the README in Markdown: dollars a month, besides those of the stream. The least bill is bold. */
export function pointsTable(): readonly string[] {
  const rows = points.map(([eventsPerSecond, keys, shards]) =>
    rowOf({ ...usualQuestion, eventsPerSecond, keys, shards }),
  );
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function rowOf(question: CostQuestion): readonly string[] {
  const bill = costOf(question);
  const rivals = rivalsOf(question);
  const idle = costOf(idleOf(question));
  const cheapest = cheapestOf(bill, rivals);
  const stream = bill.total - bill.withoutStream;
  const shown = (name: Cheapest, dollars: number) => {
    const text = formatNumber(Math.round(dollars));
    return name === cheapest ? `**${text}**` : text;
  };
  return [
    formatNumber(question.eventsPerSecond),
    formatNumber(question.keys),
    String(question.shards),
    formatNumber(Math.round(stream)),
    shown('tidemark', bill.withoutStream),
    formatNumber(Math.round(idle.withoutStream)),
    shown('writePerEvent', sumOf(rivals.writePerEvent) - stream),
    shown('managedFlink', sumOf(rivals.managedFlink) - stream),
  ];
}

/** The same deployment while nothing comes. */
export function idleOf(question: CostQuestion): CostQuestion {
  return { ...question, eventsPerSecond: 0, requestsPerMonth: 0 };
}

/** The ways by the names that people read. */
export const wayNames: Readonly<Record<Cheapest, string>> = {
  tidemark: 'Tidemark',
  writePerEvent: 'a write an event',
  managedFlink: 'Managed Flink',
};

/** From which rate on which way is the cheapest, as a sentence. */
export function turnsText(question: CostQuestion): string {
  const [first, ...turns] = turnsOf(question);
  if (first === undefined) return '';
  const later = turns.map(
    ({ eventsPerSecond, cheapest }) => `from ${formatNumber(eventsPerSecond)} on ${wayNames[cheapest]}`,
  );
  return `Cheapest, with shards that grow with the events: ${[wayNames[first.cheapest], ...later].join(', ')} (events a second).`;
}

const formatNumber = (value: number) => value.toLocaleString('en-US');
