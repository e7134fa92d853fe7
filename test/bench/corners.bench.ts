import * as z from 'zod';
import type { Query } from '../../functions/core/definition/pipeline.ts';
import { inputsOf } from '../../functions/core/fold/partial.ts';
import { mergeWindow, sortedRows } from '../../functions/core/fold/window-result.ts';
import {
  calendar,
  count,
  cube,
  definePipeline,
  type Grouping,
  session,
  sum,
  tumbling,
  type WindowKind,
} from '../../functions/core/index.ts';
import { createBatchFold } from '../../functions/core/log/batch-fold.ts';
import { encodeBlock } from '../../functions/core/log/block.ts';
import { cpuMs, type Figure, median, yardstick } from './figure.ts';

const eventsInBatch = 10_000;
const warmUpRounds = 5;
const rounds = 25;
const yearMs = 366 * 86_400_000;

interface Visit {
  readonly time: number;
  readonly country: string;
  readonly device: string;
  readonly plan: string;
  readonly ms: number;
}

/** A corner: some work that takes longer than the plain case beside it. */
interface Corner {
  readonly name: string;
  readonly run: () => void;
  readonly beside: { readonly name: string; readonly run: () => void };
  /** Most times that the corner may take what the plain case takes. */
  readonly mostTimes: number;
}

/**
 * Measures what is slow for a reason: windows on the clocks of a zone whose times come in random order, sessions by the
 * millisecond, and the totals of a cube. Each runs by turns with the plain case.
 */
export async function benchCorners(say: (line: string) => void): Promise<readonly Figure[]> {
  const corners = [...zones(), sessions(), cubes()];
  say(
    `${warmUpRounds + rounds} rounds of ${eventsInBatch} events, ${corners.length} corners by turns with the plain case`,
  );
  const timesMs = corners.map(() => ({ corner: [] as number[], plain: [] as number[] }));
  for (let round = 0; round < warmUpRounds + rounds; round++)
    for (const [i, { run, beside }] of corners.entries()) {
      const [cornerMs, plainMs] = [cpuMs(run), cpuMs(beside.run)];
      if (round < warmUpRounds) continue;
      timesMs[i]?.corner.push(cornerMs);
      timesMs[i]?.plain.push(plainMs);
    }
  const ns = (times: readonly number[] = []) => (median(times) * 1e6) / eventsInBatch;
  return corners.map(({ name, beside, mostTimes }, i) => {
    const measured = { value: ns(timesMs[i]?.corner), better: 'lower' } as const;
    const times = measured.value / ns(timesMs[i]?.plain);
    return {
      ...measured,
      name,
      unit: 'ns an event',
      yardsticks: [yardstick(measured, beside.name, ns(timesMs[i]?.plain))],
      target: { text: `at most ${mostTimes} times ${beside.name}`, met: times <= mostTimes },
      details: { times },
    };
  });
}

/** Times in no order, over twenty years. */
function zones(): readonly Corner[] {
  const times = Array.from({ length: eventsInBatch }, (_, i) =>
    Math.floor(1_000_000_000_000 + ((i * 7919) % eventsInBatch) * ((20 * yearMs) / eventsInBatch) + i * 977),
  );
  const sliced = (kind: WindowKind) => () => {
    let last = 0;
    for (let again = 0; again < 10; again++) for (const time of times) last = kind.sliceOf(time);
    if (!Number.isFinite(last)) throw new Error('no slice');
  };
  const beside = { name: 'the same in UTC', run: sliced(tumbling('1 hour')) };
  const corner = (name: string, kind: WindowKind): Corner => ({
    name: `the slice of a time in random order, ten times: ${name}`,
    run: sliced(kind),
    beside,
    mostTimes: 2,
  });
  return [
    corner('hours in Berlin', tumbling('1 hour', { timeZone: 'Europe/Berlin' })),
    corner('4 hours in Berlin', tumbling('4 hours', { timeZone: 'Europe/Berlin' })),
    corner('days in New York', calendar('day', { timeZone: 'America/New_York' })),
    corner('months in New York', calendar('month', { timeZone: 'America/New_York' })),
  ];
}

/** A batch of 10,000 events over 100 keys and a minute, folded and encoded as aggregate does. */
function sessions(): Corner {
  const events = visits();
  const folded = (query: Query) => () => {
    const fold = createBatchFold(Number.NEGATIVE_INFINITY);
    for (const [i, event] of events.entries()) addTo(fold, query, event, i);
    for (const { slices } of fold.queries) encodeBlock(query, slices);
  };
  return {
    name: 'a batch of sessions by the millisecond, folded and encoded',
    run: folded(queryOf(session('30 seconds', { resolution: '1 ms' }), ['country'])),
    beside: { name: 'sessions by an eighth of the gap', run: folded(queryOf(session('30 seconds'), ['country'])) },
    mostTimes: 7,
  };
}

/** 10,000 events over 1,000 groups of three fields, folded, and a window's rows made of them. */
function cubes(): Corner {
  const events = visits();
  const rows = (query: Query) => () => {
    const fold = createBatchFold(Number.NEGATIVE_INFINITY);
    for (const [i, event] of events.entries()) addTo(fold, query, event, i);
    for (const { slices } of fold.queries)
      sortedRows(
        query,
        mergeWindow(
          query,
          slices.map(({ partials }) => ({ partials: new Map(partials) })),
        ),
      );
  };
  const kind = tumbling('1 hour');
  return {
    name: 'a window with a cube of 3 fields, folded and emitted',
    run: rows(queryOf(kind, cube('country', 'device', 'plan'))),
    beside: { name: 'the 3 fields without totals', run: rows(queryOf(kind, ['country', 'device', 'plan'])) },
    mostTimes: 5.4,
  };
}

function addTo(fold: ReturnType<typeof createBatchFold>, query: Query, event: Visit, position: number): void {
  const key = query.keyOf(event);
  const inputs = inputsOf(query, event, event.time);
  if (typeof key !== 'string' || 'refused' in inputs) throw new Error('an event was refused');
  fold.add(query, key, inputs, event.time, position);
}

type GroupBy = readonly ('country' | 'device' | 'plan')[] | Grouping<'country' | 'device' | 'plan'>;

function queryOf(window: WindowKind, groupBy: GroupBy): Query {
  const { queries } = definePipeline({
    name: 'bench-corners',
    event: z.object({
      time: z.number(),
      country: z.string(),
      device: z.string(),
      plan: z.string(),
      ms: z.number(),
    }),
    eventTime: { of: (event) => event.time, unit: 'ms' },
    watermark: { delay: 0 },
    queries: { q: { window, groupBy, aggregates: { visits: count(), ms: sum('ms') } } },
  });
  const [query] = queries;
  if (query === undefined) throw new Error('no query');
  return query;
}

function visits(): readonly Visit[] {
  return Array.from({ length: eventsInBatch }, (_, i) => ({
    time: 1_700_000_000_000 + i * 6,
    country: `country-${(i * 7919) % 100}`,
    device: `device-${i % 5}`,
    plan: ['free', 'team'][(i >> 4) % 2] ?? '',
    ms: (i * 31) % 1000,
  }));
}
