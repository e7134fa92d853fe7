import { readWindows } from '../../../functions/state/epochs/window-reader.ts';
import { demand } from './demand.ts';
import type { Extent, Figures } from './extent.ts';
import { newCaller } from './rounds.ts';
import type { ScaleShard } from './scale-shard.ts';
import { createScaleWorld, type ScaleWorld, type TimedRun } from './scale-world.ts';

const minuteMs = 60_000;

/** The interval, in minutes, at which the lagging shard has a record too. */
const laggingEvery = 10;

/** Records of a batch. */
const batch = 1_000;

/** The numbers of calls after which the first finalize runs die. */
const deaths = [3_000, 10_000];

/**
 * The largest allowed item, in bytes: a tenth of DynamoDB's 400 KB. An item that grows with the backlog would come near
 * 400 KB in the end.
 */
const mostItemBytes = 40 * 1024;

/**
 * Windows of a minute for 400 days, all of them open, because one shard stays at its first record and holds the
 * watermark. The other shard's batches must not cost more because of that, and no item may grow with the backlog. When
 * the shard has caught up, the finalizer catches up over several runs, some of which die, and does nothing twice.
 */
export async function laggingShard(extent: Extent): Promise<Figures> {
  const windows = (extent === 'whole' ? 400 : 4) * 24 * 60;
  const shard = (shardId: string, everyMinutes: number): ScaleShard => ({
    shardId,
    put: Math.ceil(windows / everyMinutes),
    event: (position) => ({
      id: `${shardId}.${position}`,
      time: position * everyMinutes * minuteMs,
      key: 'k',
      garbage: false,
    }),
  });
  const leading = shard('leading', 1);
  const lagging = shard('lagging', laggingEvery);
  const world = createScaleWorld({
    windowMs: minuteMs,
    idleMs: minuteMs,
    shards: [leading, lagging],
    idsOfWindow: (start) => {
      const minute = start / minuteMs;
      if (minute >= windows) return [];
      return minute % laggingEvery === 0
        ? [`leading.${minute}`, `lagging.${minute / laggingEvery}`]
        : [`leading.${minute}`];
    },
  });
  const { rounds, oracle, stores } = world;

  const behind = world.container(lagging);
  await rounds.run(() => world.apply(behind, 0, 1));
  const costs = await feed(world, leading, 0, async (number) => {
    if (number % Math.ceil(windows / batch / 3) !== 0) return;
    const { report } = await world.finalizeRun();
    demand(
      report?.heldBy === 'lagging' && report.watermark === 0 && report.windows === 0,
      'I7',
      () => `a run says ${JSON.stringify(report)}`,
    );
  });
  const tenth = Math.ceil(costs.length / 10);
  // The first batch finds a cold container; the last one may be short.
  const [first, last] = [costs.slice(1, tenth + 1), costs.slice(-tenth)].map((some) => Math.max(...some));
  demand((last ?? 0) <= (first ?? 0), 'I8', () => `a batch took ${first} calls at first and takes ${last} in the end`);

  const query = world.pipeline.queries[0];
  if (query === undefined) throw new Error('no query');
  const reader = newCaller();
  const range = { from: 0, to: windows * minuteMs, status: 'open', order: 'descending', limit: 1000 } as const;
  const views = await rounds.run(() =>
    readWindows({ pipeline: world.pipeline, ...world.tables(reader) }, query, range),
  );
  demand(views?.length === 1000, 'I6', () => `a reader of 1000 open windows sees ${views?.length}`);

  await feed(world, lagging, 1, async () => {});
  rounds.pass(2 * minuteMs);
  const began = rounds.now();
  /** How far the work is: the epoch is gathered before its windows are emitted. */
  const extentOf = () => oracle.finals + [...stores.state.all()].filter(({ pk }) => pk.startsWith('segment#')).length;
  const runs: TimedRun[] = [];
  for (;;) {
    const before = extentOf();
    // The first ones die in the midst of everything.
    const run = await world.finalizeRun('advance', deaths[runs.length]);
    runs.push(run);
    if (run.report?.closingsLeft === 0) break;
    demand(
      extentOf() > before,
      'I8',
      () => `run ${runs.length} gathers nothing and makes no window final, and ${windows - oracle.finals} are left`,
    );
  }
  const minutesToCatchUp = Math.round((rounds.now() - began) / minuteMs);
  const { report } = await world.finalizeRun('drain');
  demand(report?.drained === true, 'I8', () => `a drain says ${JSON.stringify(report)}`);
  oracle.checkEnd(stores.state, stores.windows, 0, (windows - 1) * minuteMs);
  demand(oracle.finals === windows, 'I2', () => `${oracle.finals} windows were written of ${windows}`);
  const largest = Math.max(...Object.values(world.measures.largest));
  demand(largest < mostItemBytes, 'I11', () => `items have up to ${JSON.stringify(world.measures.largest)} bytes`);
  return {
    windows,
    callsPerBatch: last ?? 0,
    runsToCatchUp: runs.length,
    minutesToCatchUp,
    windowsPerRun: Math.max(...runs.map(({ report: { windows: emitted } = { windows: 0 } }) => emitted)),
    publishedAgain: oracle.published - windows,
    largestBytes: JSON.stringify(world.measures.largest),
    longestQuery: JSON.stringify(world.measures.longest),
  };
}

/** Applies a shard's records in batches from one warm container. Returns the number of calls of each batch. */
async function feed(
  world: ScaleWorld,
  shard: ScaleShard,
  from: number,
  after: (number: number) => Promise<void>,
): Promise<readonly number[]> {
  const container = world.container(shard);
  const costs: number[] = [];
  for (let at = from; at < shard.put; at += batch) {
    const calls = await world.rounds.run(() => world.apply(container, at, Math.min(shard.put, at + batch)));
    costs.push(calls ?? Number.NaN);
    await after(costs.length);
  }
  return costs;
}
