import * as z from 'zod';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { createFold } from '../../functions/core/fold/fold.ts';
import { inputsOf } from '../../functions/core/fold/partial.ts';
import {
  type AnyAggregate,
  approxCountDistinct,
  argMax,
  argMin,
  avg,
  collectSet,
  count,
  countDistinct,
  countIf,
  defineAggregate,
  definePipeline,
  first,
  histogram,
  last,
  max,
  min,
  percentiles,
  stddev,
  sum,
  topK,
  tumbling,
  variance,
} from '../../functions/core/index.ts';
import { cpuMs, type Figure, median, yardstick } from './figure.ts';

const eventsInBatch = 10_000;
const keys = 100;
const warmUpRounds = 5;
const rounds = 25;

interface Sample {
  readonly time: number;
  /** With two decimals, as prices and latencies have. */
  readonly n: number;
  readonly whole: number;
  readonly amount: string;
  /** One of some thousand names, few of them frequent. */
  readonly text: string;
}

/** The aggregates that are measured, by name. Whole numbers, decimals and text cost differently. */
const measured: Readonly<Record<string, AnyAggregate<Sample>>> = {
  countIf: countIf(({ n }: Sample) => n > 10),
  'sum of whole numbers': sum('whole'),
  'sum of decimals': sum('n'),
  'sum of decimals in text': sum('amount'),
  'avg of decimals': avg('n'),
  min: min('n'),
  max: max('n'),
  'variance of whole numbers': variance('whole'),
  'variance of decimals': variance('n'),
  'stddev of decimals': stddev('n'),
  first: first('text'),
  last: last('text'),
  argMin: argMin('text', 'n'),
  argMax: argMax('text', 'n'),
  countDistinct: countDistinct('text'),
  approxCountDistinct: approxCountDistinct('text'),
  collectSet: collectSet('text', 100),
  percentiles: percentiles('n', [0.5, 0.99]),
  topK: topK('text', 10),
  histogram: histogram('n', [1, 2, 5, 10, 20, 50, 100]),
  'one of your own': defineAggregate({
    identity: 0,
    add: (state: number, { n }: Sample) => Math.max(state, n),
    merge: Math.max,
    encode: (state) => state,
    decode: Number,
    result: (state) => state,
  }),
};

/**
 * Measures the cost of each aggregate in the fold of a batch of 10,000 events over 100 keys. The fold with the
 * aggregate and the fold with `count` alone run by turns; processor time is counted. Measures the bytes that the states take as encoded text as
 * well.
 */
export async function benchAggregates(say: (line: string) => void): Promise<readonly Figure[]> {
  say(
    `${warmUpRounds + rounds} rounds of ${eventsInBatch} events over ${keys} keys, ${Object.keys(measured).length} aggregates by turns with count`,
  );
  const events = sampleEvents();
  const names = ['count', ...Object.keys(measured)];
  const queries = names.map((name) => queryOf(measured[name] ?? count()));
  const timesMs = names.map(() => [] as number[]);
  const bytes = names.map(() => 0);
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    for (const [i, query] of queries.entries()) {
      const fold = createFold();
      const tookMs = cpuMs(() => {
        for (const [at, event] of events.entries()) {
          const inputs = inputsOf(query, event, event.time);
          if (!('refused' in inputs)) fold.add(query, keyTexts[at % keys] ?? '', inputs, event.time);
        }
      });
      if (round >= warmUpRounds) timesMs[i]?.push(tookMs);
      if (round > 0) continue;
      const states = [...fold.slices].flatMap((slice) => [...slice.keys.values()].map(({ states: [state] }) => state));
      const encoded = states.map((state) => Buffer.byteLength(JSON.stringify(query.aggregates[0]?.encode(state))));
      bytes[i] = encoded.reduce((total, size) => total + size, 0) / encoded.length;
    }
  }
  const nsOf = (i: number) => (median(timesMs[i] ?? []) * 1e6) / eventsInBatch;
  const countNs = nsOf(0);
  return names.slice(1).map((name, i) => {
    const figure = { value: nsOf(i + 1), better: 'lower' } as const;
    return {
      ...figure,
      name: `fold of ${name}`,
      unit: 'ns an event',
      yardsticks: [yardstick(figure, 'count', countNs)],
      details: { timesCount: figure.value / countNs, stateBytes: bytes[i + 1] ?? 0, eventsAKey: eventsInBatch / keys },
    };
  });
}

const keyTexts = Array.from({ length: keys }, (_, i) => JSON.stringify([`device-${i}`]));

function queryOf(aggregate: AnyAggregate<Sample>): Query {
  const { queries } = definePipeline({
    name: 'bench-aggregates',
    event: z.object({ time: z.number(), n: z.number(), whole: z.number(), amount: z.string(), text: z.string() }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    queries: { q: { window: tumbling('1 hour'), aggregates: { value: aggregate } } },
  });
  const [query] = queries;
  if (query === undefined) throw new Error('no query');
  return query;
}

function sampleEvents(): readonly Sample[] {
  return Array.from({ length: eventsInBatch }, (_, i) => {
    const share = ((i * 7919) % eventsInBatch) / eventsInBatch;
    const n = Number((3 * (1 - share) ** -0.7).toFixed(2));
    return { time: i, n, whole: Math.round(n * 100), amount: n.toFixed(2), text: `page-${Math.floor(5000 ** share)}` };
  });
}
