import { demand } from './demand.ts';
import type { Extent, Figures } from './extent.ts';
import type { ScaleShard } from './scale-shard.ts';
import { createScaleWorld, type TimedRun } from './scale-world.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const days = 13;

/**
 * The finalizer dies amid a run and comes back after thirteen days, in which everything else went on: a day later the
 * stream would have to wait. The records have long left the stream, and only the logs hold them. While it catches up it
 * dies again and again. Between two deaths some hours pass, and everything is deleted that may be. What windows need
 * that are not final must not be among it.
 */
export async function finalizerAway(extent: Extent): Promise<Figures> {
  const count = extent === 'whole' ? 8 : 2;
  const perWindow = extent === 'whole' ? 20 : 2;
  const windows = days * 24;
  const mostDeaths = extent === 'whole' ? 200 : 40;
  const step = extent === 'whole' ? 5 : 17;
  const shards = Array.from(
    { length: count },
    (_, number): ScaleShard => ({
      shardId: `shard-${number}`,
      put: 0,
      event: (position) => ({
        id: `${number}.${position}`,
        time: Math.floor(position / perWindow) * hourMs + (position % perWindow),
        key: `k${position % perWindow}`,
        garbage: false,
      }),
    }),
  );
  const world = createScaleWorld({
    windowMs: hourMs,
    idleMs: 60_000,
    shards,
    idsOfWindow: (start) => {
      const window = start / hourMs;
      if (window >= windows) return [];
      return shards.flatMap((_, number) =>
        Array.from({ length: perWindow }, (_, i) => `${number}.${window * perWindow + i}`),
      );
    },
  });
  const { rounds, oracle, stores } = world;
  const containers = shards.map((shard) => world.container(shard));

  /** Puts the records of a day to every shard and applies them. */
  async function applyDay(): Promise<void> {
    const from = shards[0]?.put ?? 0;
    for (const shard of shards) shard.put += 24 * perWindow;
    await rounds.run(() =>
      Promise.all(containers.map((container) => world.apply(container, from, from + 24 * perWindow))),
    );
    rounds.pass(dayMs);
  }

  await applyDay();
  const runs: TimedRun[] = [await world.finalizeRun()];
  await applyDay();
  const died = await world.finalizeRun('advance', 40);
  demand(died.report === undefined, 'I8', () => 'the run that should die ends');
  const before = oracle.finals;
  demand(before > 0 && before < 2 * 24, 'I8', () => `${before} windows are final when the finalizer goes`);
  for (let day = 2; day < days; day++) await applyDay();
  let expired = world.expire();

  // Its lives get ever longer, through all steps for a group of windows, until runs make progress.
  let deaths = 0;
  for (let calls = 3; ; calls = deaths < mostDeaths - 10 ? calls + step : Math.ceil(calls * 1.3)) {
    const run = await world.finalizeRun('drain', deaths < mostDeaths ? calls : undefined);
    runs.push(run);
    if (run.report?.drained === true) break;
    if (run.report === undefined) {
      deaths++;
      rounds.pass(2 * hourMs);
      expired += world.expire();
    }
    demand(runs.length < 400, 'I8', () => `${oracle.finals} of ${windows} windows are final after ${runs.length} runs`);
  }
  oracle.checkEnd(stores.state, stores.windows, 0, (windows - 1) * hourMs);
  demand(oracle.finals === windows, 'I2', () => `${oracle.finals} windows were written of ${windows}`);
  demand(
    oracle.published > windows,
    'I9',
    () => 'no run died between an acknowledgement and what follows it: the case proves nothing for that',
  );
  rounds.pass(30 * dayMs);
  expired += world.expire();
  return {
    windows,
    shards: count,
    events: shards.reduce((total, { put }) => total + put, 0),
    runsToCatchUp: runs.length - 1,
    deaths,
    expiredItems: expired,
    publishedAgain: oracle.published - windows,
    largestBytes: JSON.stringify(world.measures.largest),
    longestQuery: JSON.stringify(world.measures.longest),
  };
}
