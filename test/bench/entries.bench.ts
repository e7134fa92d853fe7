import pLimit from 'p-limit';
import type { Pipeline, WindowKind } from '../../functions/core/index.ts';
import { sliding, tumbling } from '../../functions/core/index.ts';
import { cutNow } from '../../functions/state/epochs/finalizer.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import { memoryTable } from '../../functions/testing/memory-table.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { type Figure, yardstick } from './figure.ts';
import {
  aggregateSets,
  batchMs,
  batchOf,
  eventsOf,
  firstTime,
  type KeyedEvent,
  type KeyedStream,
  keyedPipeline,
  recordsInBatch,
} from './keyed-events.ts';
import { meteredTable, nothingSpent, type Spent } from './metered-table.ts';

/** Batches that count, after one that does not: it joins the shard. */
const batches = 60;
const minuteMs = 60_000;
const shardId = 'shardId-000000000000';
const millionths = 1_000_000 / (batches * recordsInBatch);

/** What is measured, with the most write units a million events that it may take (issue 17, section 7). */
const cases: readonly {
  readonly stream: Pick<KeyedStream, 'keys' | 'named'>;
  readonly aggregates: keyof typeof aggregateSets;
  readonly most?: number;
}[] = [
  { stream: { keys: 2, named: 'text' }, aggregates: 'count', most: 1_100 },
  { stream: { keys: 100, named: 'text' }, aggregates: 'count', most: 1_100 },
  { stream: { keys: 2, named: 'text' }, aggregates: 'five aggregates', most: 2_100 },
  { stream: { keys: 100, named: 'text' }, aggregates: 'five aggregates', most: 2_100 },
  { stream: { keys: 10_000, named: 'text' }, aggregates: 'count', most: 3_500 },
  { stream: { keys: 1_000_000, named: 'text' }, aggregates: 'count', most: 4_500 },
  { stream: { keys: 1_000_000, named: 'UUID' }, aggregates: 'count', most: 22_000 },
  { stream: { keys: 1_000_000, named: 'text' }, aggregates: 'five aggregates' },
];

/**
 * Measures the write units that aggregate takes for a million events in batches of 1,000, by the number and kind of
 * keys, and its read units a batch. Beside them stands what a system without a log writes.
 */
export async function benchEntries(say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { stream: some, aggregates, most } of cases) {
    const stream = { ...some, lateMs: 5000 };
    const name = `${aggregates}, ${stream.keys.toLocaleString('en-US')} ${stream.named} keys`;
    say(`${name}: ${batches} batches of ${recordsInBatch} records`);
    const spent = await entriesOf(keyedPipeline(tumbling('1 minute'), aggregateSets[aggregates]), stream);
    const measured = { value: spent.writeUnits * millionths, better: 'lower' } as const;
    const reads = spent.readUnits / batches;
    figures.push({
      ...measured,
      name: `aggregate: ${name}`,
      unit: 'write units a million events',
      yardsticks: [
        yardstick(measured, 'one conditional update a key and batch', updatesByHand(stream) * millionths),
        yardstick(measured, 'one conditional write an event', 1_000_000),
      ],
      ...(most === undefined
        ? {}
        : {
            target: {
              text: `at most ${most.toLocaleString('en-US')}, and 1.1 read units a batch`,
              met: measured.value <= most && reads <= 1.1,
            },
          }),
      details: { readUnitsABatch: reads, refused: spent.refusedWrites, batches },
    });
  }
  figures.push(await lateEntries(say));
  return figures;
}

/** Lengths of windows in minutes. A window begins every minute, so each record lies in as many windows. */
const overlaps = [1, 24, 1440] as const;
const mostOverlapRatio = 1.1;

/**
 * Measures aggregate over overlapping windows, beside tumbling windows of a minute. A record folds once, into its
 * slice, whatever the number of windows over it.
 */
export async function benchOverlap(say: (line: string) => void): Promise<readonly Figure[]> {
  const stream = { keys: 100, named: 'text', lateMs: 5000 } as const;
  const units: number[] = [];
  for (const overlap of overlaps) {
    say(`${stream.keys} keys, ${overlap} windows over each record: ${batches} batches of ${recordsInBatch} records`);
    const window: WindowKind = sliding({ ms: overlap * minuteMs }, { ms: minuteMs });
    units.push((await entriesOf(keyedPipeline(window), stream)).writeUnits * millionths);
  }
  const [tumblingUnits = Number.NaN] = units;
  return overlaps.map((overlap, i) => {
    const measured = { value: units[i] ?? Number.NaN, better: 'lower' } as const;
    const ratio = measured.value / tumblingUnits;
    return {
      ...measured,
      name: `aggregate, ${overlap === 1 ? 'one window' : `${overlap.toLocaleString('en-US')} windows`} over each record`,
      unit: 'write units a million events',
      yardsticks: [yardstick(measured, 'one window over each record', tumblingUnits)],
      target: {
        text: `within ${mostOverlapRatio}x of one window`,
        met: ratio <= mostOverlapRatio && ratio >= 1 / mostOverlapRatio,
      },
      details: { ratio, overlap, keys: stream.keys, batches },
    };
  });
}

const mostLateRatio = 1.3;

/**
 * Measures the state's part of a batch of which every tenth event is late, so that it goes to the side output. The
 * entry lists it.
 */
async function lateEntries(say: (line: string) => void): Promise<Figure> {
  const keys = 10_000;
  say(`${keys} keys, one event in ten late: ${batches} batches of ${recordsInBatch} records`);
  const pipeline = keyedPipeline(tumbling('1 minute'));
  const onTime = await entriesOf(pipeline, { keys, named: 'text', lateMs: 0 });
  // C lies a second before the first batch that counts, so that what is an hour late is late.
  const late = await entriesOf(pipeline, { keys, named: 'text', lateMs: 0 }, 3_600_000);
  const measured = { value: late.writeUnits * millionths, better: 'lower' } as const;
  const ratio = late.writeUnits / onTime.writeUnits;
  return {
    ...measured,
    name: `aggregate: count, ${keys.toLocaleString('en-US')} text keys, one event in ten late`,
    unit: 'write units of the state a million events',
    yardsticks: [yardstick(measured, 'none late', onTime.writeUnits * millionths)],
    target: { text: `within ${mostLateRatio}x of none late`, met: ratio <= mostLateRatio },
    details: { ratio, sideOutputUnits: late.sideUnits * millionths, batches },
  };
}

interface EntriesSpent extends Spent {
  /** Write units of the side output. */
  readonly sideUnits: number;
}

/** What aggregate takes for the batches, warm. @param lateByMs every tenth event is moved by so much, and late */
async function entriesOf(pipeline: Pipeline, stream: KeyedStream, lateByMs = 0): Promise<EntriesSpent> {
  const store = memoryTable();
  const [state, side] = [nothingSpent(), nothingSpent()];
  const aggregator = shardAggregator({
    ...logClock,
    pipeline,
    state: meteredTable(state, store),
    rejects: meteredTable(side),
    shardId,
  });
  await aggregator.apply(batchOf(stream, 0), () => 60_000);
  if (lateByMs > 0) await close(pipeline, store);
  const before = { ...state };
  const expected = lateByMs > 0 ? recordsInBatch / 10 : 0;
  for (let batch = 1; batch <= batches; batch++) {
    const records = batchOf(stream, batch);
    const { counters } = await aggregator.apply(lateByMs > 0 ? moved(records, lateByMs) : records, () => 60_000);
    if (counters.late !== expected || counters.counted !== recordsInBatch - expected)
      throw new Error(`${counters.counted} records were counted and ${counters.late} late`);
  }
  return {
    ...state,
    writeUnits: state.writeUnits - before.writeUnits,
    readUnits: state.readUnits - before.readUnits,
    refusedWrites: state.refusedWrites - before.refusedWrites,
    sideUnits: side.writeUnits,
  };
}

function moved(records: ReturnType<typeof batchOf>, byMs: number): ReturnType<typeof batchOf> {
  return records.map((record, i) => {
    if (i % 10 !== 0) return record;
    const [event] = record.events;
    if (typeof event?.text !== 'string') throw new Error('a record without text');
    const parsed = JSON.parse(event.text) as KeyedEvent;
    const text = JSON.stringify({ ...parsed, time: parsed.time - byMs });
    return { ...record, events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }] };
  });
}

/** Closes everything before the batches that count. */
async function close(pipeline: Pipeline, state: ReturnType<typeof memoryTable>): Promise<void> {
  await cutNow(
    {
      pipeline,
      state,
      windows: memoryTable(),
      stream: {
        identity: async () => ({ name: 'stream', createdAt: 0 }),
        listShards: async () => [{ shardId, closed: false }],
        tail: async () => 'more',
      },
      limit: pLimit(32),
      publish: async () => undefined,
      now: () => firstTime,
      runId: 'run',
      remainingMs: () => 60_000,
      retentionMs: 86_400_000,
    },
    firstTime - batchMs,
  );
}

/** The updates of the batches, one for each window and key of each: a write unit each. */
function updatesByHand(stream: KeyedStream): number {
  let updates = 0;
  for (let batch = 1; batch <= batches; batch++)
    updates += new Set(eventsOf(stream, batch).map(({ time, key }) => `${Math.floor(time / minuteMs)}#${key}`)).size;
  return updates;
}
