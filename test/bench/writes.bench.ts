import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import { z } from 'zod';
import type { StreamRecord } from '../../functions/core/fold/stream-record.ts';
import { count, definePipeline, type Pipeline, sliding, tumbling } from '../../functions/core/index.ts';
import { finalize } from '../../functions/state/epochs/finalizer.ts';
import { shardAggregator } from '../../functions/state/log/shard-aggregator.ts';
import type { Stream } from '../../functions/state/stream/stream.ts';
import type { Pane } from '../../functions/state/windows/pane.ts';
import { logClock } from '../fixtures/log-clock.ts';
import { type DynaliteTables, dynaliteTables } from './dynalite-tables.ts';
import { type Figure, yardstick } from './figure.ts';

const recordsInBatch = 1000;
/** One batch a second, and one window a minute. Hourly windows would register and close sixty times less often. */
const batchMs = 1000;
const windowMs = 60_000;
const batchesInWindow = windowMs / batchMs;
/** The first windows are not measured: from them a shard learns how many pages its keys need. */
const warmUpWindows = 2;
const windows = 4;
const mostUnitsPerMillion = 10_000;
/**
 * The number of batches for which the conditional updates, one a key, are really made; and the number of events for
 * which the conditional writes, one each, are.
 */
const updatedBatches = 10;
const writtenEvents = 2000;
const shardId = 'shardId-000000000000';
const firstTime = 1_700_000_040_000;

const spec = {
  name: 'bench-writes',
  event: z.object({ time: z.number(), key: z.string(), id: z.string() }),
  eventTime: { of: (event: KeyedEvent) => event.time, unit: 'ms' },
  watermark: { delay: '10 seconds' },
  queries: { byKey: { groupBy: ['key'], window: tumbling({ ms: windowMs }), aggregates: { count: count() } } },
} as const;
const pipeline = definePipeline(spec);
const deduplicating = definePipeline({ ...spec, dedup: { by: (event: KeyedEvent) => event.id, within: '10 minutes' } });
/** After every so many events, the previous event comes again. */
const retriedEvery = 100;
const mostUnitsPerEvent = 0.01;

/**
 * Measures write units per million events at 1,000-record batches, as DynamoDB counts them, beside the two ways to
 * write counts by hand.
 */
export async function benchWrites(say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const keys of [2, 100]) {
    const tables = await dynaliteTables();
    try {
      figures.push(...(await writesOf(tables, keys, say)));
    } finally {
      await tables.close();
    }
  }
  figures.push(...(await withTables((tables) => dedupOf(tables, say))));
  return figures;
}

/** The aggregate's write units with one, 24 and 1,440 windows over each record. */
export function benchOverlap(say: (line: string) => void): Promise<readonly Figure[]> {
  return withTables((tables) => overlapOf(tables, say));
}

async function withTables<T>(measure: (tables: DynaliteTables) => Promise<T>): Promise<T> {
  const tables = await dynaliteTables();
  try {
    return await measure(tables);
  } finally {
    await tables.close();
  }
}

/**
 * Measures the cost of deduplication over the same batches: the writes of its log, and a cold start that reads it back.
 */
async function dedupOf(tables: DynaliteTables, say: (line: string) => void): Promise<readonly Figure[]> {
  const keys = 100;
  const batches = windows * batchesInWindow;
  const events = batches * recordsInBatch;
  say(`${keys} keys, deduplicated: ${batches} batches of ${recordsInBatch} records, one in ${retriedEvery} sent again`);
  const spent = async (counting: Pipeline, shard: string) => {
    const { state, rejects, meter } = tables.open();
    const aggregator = shardAggregator({ ...logClock, pipeline: counting, state, rejects, shardId: shard });
    let duplicate = 0;
    for (let i = 0; i < batches; i++)
      duplicate += (await aggregator.apply(batchOf(i, keys), () => 60_000)).counters.duplicate;
    return { duplicate, ...meter };
  };
  const plain = await spent(pipeline, 'shardId-000000000001');
  const deduplicated = await spent(deduplicating, 'shardId-000000000002');
  if (deduplicated.duplicate !== events / retriedEvery)
    throw new Error(`${deduplicated.duplicate} duplicates of ${events / retriedEvery} were found`);
  const cold = tables.open();
  const again = shardAggregator({
    ...logClock,
    pipeline: deduplicating,
    state: cold.state,
    rejects: cold.rejects,
    shardId: 'shardId-000000000002',
  });
  const { counters } = await again.apply(batchOf(batches, keys), () => 60_000);
  if (counters.duplicate !== recordsInBatch / retriedEvery) throw new Error('the log was not read back');
  const perEvent = (deduplicated.writeUnits - plain.writeUnits) / events;
  const measured = { value: perEvent, better: 'lower' } as const;
  const figure: Figure = {
    ...measured,
    name: 'deduplication, beside the aggregate',
    unit: 'write units an event',
    yardsticks: [yardstick(measured, 'one conditional write an event', 1)],
    target: { text: `about ${mostUnitsPerEvent}`, met: perEvent <= mostUnitsPerEvent },
    details: {
      shareOfAllWrites: (deduplicated.writeUnits - plain.writeUnits) / deduplicated.writeUnits,
      readUnitsOfAColdStart: cold.meter.readUnits,
      idsReadByIt: events - events / retriedEvery,
      refused: deduplicated.refusedWrites,
      batches,
    },
  };
  return [figure];
}

/**
 * Lengths of windows in minutes. A window begins every minute, so each record lies in as many windows. All of them have
 * the slices of the tumbling minute.
 */
const overlaps = [1, 24, 1440] as const;
const mostOverlapRatio = 1.2;
/** The number of minutes; the first one is not measured. */
const overlapMinutes = 3;

/**
 * Measures the aggregate's writes over overlapping windows, beside those over tumbling windows of a minute. A record
 * folds once, into its slice.
 */
async function overlapOf(tables: DynaliteTables, say: (line: string) => void): Promise<readonly Figure[]> {
  const keys = 100;
  const batches = overlapMinutes * batchesInWindow;
  const unitsPerMillion: number[] = [];
  for (const [i, overlap] of overlaps.entries()) {
    say(`${keys} keys, ${overlap} windows over each record: ${batches} batches of ${recordsInBatch} records`);
    const window = sliding({ ms: overlap * windowMs }, { ms: windowMs });
    const overlapping = definePipeline({ ...spec, queries: { byKey: { ...spec.queries.byKey, window } } });
    const { state, rejects, meter } = tables.open();
    const aggregator = shardAggregator({
      ...logClock,
      pipeline: overlapping,
      state,
      rejects,
      shardId: `shardId-00000000001${i}`,
    });
    let before = 0;
    for (let batch = 0; batch < batches; batch++) {
      if (batch === batchesInWindow) before = meter.writeUnits;
      const { counters } = await aggregator.apply(batchOf(batch, keys), () => 60_000);
      if (counters.counted !== recordsInBatch)
        throw new Error(`${counters.counted} of ${recordsInBatch} records were counted`);
    }
    unitsPerMillion.push(((meter.writeUnits - before) * 1_000_000) / ((batches - batchesInWindow) * recordsInBatch));
  }
  const [tumblingUnits = Number.NaN] = unitsPerMillion;
  return overlaps.map((overlap, i) => {
    const measured = { value: unitsPerMillion[i] ?? Number.NaN, better: 'lower' } as const;
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
      details: { ratio, overlap, keys, batches: batches - batchesInWindow },
    };
  });
}

async function writesOf(tables: DynaliteTables, keys: number, say: (line: string) => void): Promise<readonly Figure[]> {
  const aggregated = tables.open();
  const finalized = tables.open();
  const aggregator = shardAggregator({
    ...logClock,
    pipeline,
    state: aggregated.state,
    rejects: aggregated.rejects,
    shardId,
  });
  const spent = () => ({ aggregate: { ...aggregated.meter }, finalize: { ...finalized.meter } });
  let panes: Pane[] = [];
  let before = spent();
  let firstWindow = 0;
  say(
    `${keys} keys: ${(warmUpWindows + windows) * batchesInWindow} batches of ${recordsInBatch} records, a finalize run every ${batchesInWindow}`,
  );
  for (let window = 0; window < warmUpWindows + windows; window++) {
    if (window === 1) firstWindow = spent().aggregate.writeUnits;
    if (window === warmUpWindows) {
      before = spent();
      panes = [];
    }
    for (let i = 0; i < batchesInWindow; i++) {
      const { counters } = await aggregator.apply(batchOf(window * batchesInWindow + i, keys), () => 60_000);
      if (counters.counted !== recordsInBatch)
        throw new Error(`${counters.counted} of ${recordsInBatch} records were counted`);
    }
    await finalize(
      {
        pipeline,
        state: finalized.state,
        windows: finalized.windows,
        stream: flowingStream,
        limit: pLimit(32),
        publish: async (pane) => void panes.push(pane),
        now: () => firstTime + (window + 1) * windowMs,
        runId: 'run',
        remainingMs: () => 60_000,
        retentionMs: 86_400_000,
      },
      'advance',
    );
  }
  const now = spent();
  const batches = windows * batchesInWindow;
  const events = batches * recordsInBatch;
  const perMillion = (units: number) => (units * 1_000_000) / events;
  const aggregate = perMillion(now.aggregate.writeUnits - before.aggregate.writeUnits);
  const closing = perMillion(now.finalize.writeUnits - before.finalize.writeUnits);
  say(`${keys} keys: the same counts, written by hand`);
  const updates = await updatesByHand(tables, keys);
  const rows = panes.reduce((total, pane) => total + pane.rows.length, 0);
  const measured = { value: aggregate, better: 'lower' } as const;
  return [
    {
      ...measured,
      name: `aggregate, ${keys} keys`,
      unit: 'write units a million events',
      yardsticks: [
        yardstick(measured, 'one conditional update a key and batch', updates.perKey),
        yardstick(measured, 'one conditional write an event', updates.perEvent),
      ],
      target: { text: `at most ${mostUnitsPerMillion.toLocaleString('en-US')}`, met: aggregate <= mostUnitsPerMillion },
      details: {
        unitsPerBatch: (aggregate * recordsInBatch) / 1_000_000,
        unitsPerBatchInTheFirstWindowEver: firstWindow / batchesInWindow,
        refused: now.aggregate.refusedWrites - before.aggregate.refusedWrites,
        readUnitsPerMillion: perMillion(now.aggregate.readUnits - before.aggregate.readUnits),
        batches,
        windows,
      },
    },
    {
      name: `finalize, ${keys} keys`,
      value: closing,
      better: 'lower',
      unit: 'write units a million events',
      yardsticks: [yardstick({ value: closing, better: 'lower' }, 'one put a window and key', perMillion(rows))],
      details: {
        unitsPerWindow: (now.finalize.writeUnits - before.finalize.writeUnits) / panes.length,
        refused: now.finalize.refusedWrites - before.finalize.refusedWrites,
        readUnitsPerMillion: perMillion(now.finalize.readUnits - before.finalize.readUnits),
        windows: panes.length,
        rows,
      },
    },
  ];
}

/** A stream that always has more to come, so that the shard holds the watermark at its own. */
const flowingStream: Stream = {
  identity: async () => ({ name: 'stream', createdAt: 0 }),
  listShards: async () => [{ shardId, closed: false }],
  tail: async () => 'more',
};

interface KeyedEvent {
  readonly time: number;
  readonly key: string;
  readonly id: string;
}

/** The events of one second, up to five seconds late, so that batches on a window's edge write to two windows. */
function eventsOf(batch: number, keys: number): readonly KeyedEvent[] {
  return Array.from({ length: recordsInBatch }, (_, i) => ({
    time: firstTime + batch * batchMs + i - (i % 10 === 0 ? (i * 7919) % 5000 : 0),
    key: `device-${String((i * 31 + batch) % keys).padStart(4, '0')}`,
    id: `5f0c-${batch * recordsInBatch + i - (i % retriedEvery === retriedEvery - 1 ? 1 : 0)}`,
  }));
}

/** Sequence numbers of the length that Kinesis gives: they are part of every page. */
function sequenceNumberOf(batch: number, i: number): string {
  return `4959${String(batch * recordsInBatch + i + 1).padStart(52, '0')}`;
}

function batchOf(batch: number, keys: number): readonly StreamRecord[] {
  return eventsOf(batch, keys).map((event, i) => {
    const text = JSON.stringify(event);
    const arrival = firstTime + batch * batchMs + i;
    return {
      sequenceNumber: sequenceNumberOf(batch, i),
      arrival,
      partitionKey: event.key,
      events: [{ text, subRecord: 0, bytes: () => Buffer.from(text) }],
    };
  });
}

/**
 * Makes the updates of a system without pages, on a smaller number of events. Returns write units per million events.
 */
async function updatesByHand(
  tables: DynaliteTables,
  keys: number,
): Promise<{ readonly perKey: number; readonly perEvent: number }> {
  let perKey = 0;
  // Spread over a window: only those at its beginning hold events of two windows.
  for (let batch = 0; batch < batchesInWindow; batch += batchesInWindow / updatedBatches) {
    const counts = new Map<string, number>();
    for (const event of eventsOf(batch, keys)) counts.set(itemOf(event), (counts.get(itemOf(event)) ?? 0) + 1);
    const after = sequenceNumberOf(batch, recordsInBatch - 1);
    perKey += total(
      await Promise.all([...counts].map(([item, counted]) => addByHand(tables, `a key ${item}`, counted, after))),
    );
  }
  let perEvent = 0;
  for (let written = 0; written < writtenEvents; written += recordsInBatch) {
    const batch = written / recordsInBatch;
    for (const [i, event] of eventsOf(batch, keys).entries())
      perEvent += await addByHand(tables, `an event ${itemOf(event)}`, 1, sequenceNumberOf(batch, i));
  }
  return {
    perKey: (perKey * 1_000_000) / (updatedBatches * recordsInBatch),
    perEvent: (perEvent * 1_000_000) / writtenEvents,
  };
}

function itemOf({ time, key }: KeyedEvent): string {
  return `${Math.floor(time / windowMs) * windowMs}#${key}`;
}

/**
 * Adds to the count of one window, key and shard, once. A retry of the same records is refused. Returns the cost in
 * write units.
 */
async function addByHand(
  { client, names }: DynaliteTables,
  item: string,
  counted: number,
  sequenceNumber: string,
): Promise<number> {
  const answer = await client.send(
    new UpdateItemCommand({
      TableName: names.state,
      Key: { pk: { S: item }, sk: { S: shardId } },
      UpdateExpression: 'ADD #count :counted SET sequenceNumber = :sequenceNumber',
      ConditionExpression: 'attribute_not_exists(sequenceNumber) OR sequenceNumber < :sequenceNumber',
      ExpressionAttributeNames: { '#count': 'count' },
      ExpressionAttributeValues: { ':counted': { N: String(counted) }, ':sequenceNumber': { S: sequenceNumber } },
      ReturnConsumedCapacity: 'TOTAL',
    }),
  );
  return answer.ConsumedCapacity?.CapacityUnits ?? 0;
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
