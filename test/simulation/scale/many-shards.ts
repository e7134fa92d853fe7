import { demand } from './demand.ts';
import type { Extent, Figures } from './extent.ts';
import type { ScaleShard } from './scale-shard.ts';
import { concurrency, createScaleWorld, type TimedRun } from './scale-world.ts';

const hourMs = 3_600_000;
const idleMs = 60_000;

/** Event times of a shard's records, in windows of an hour. */
const recordsPerShard = 6;
const perWindow = 2;

/**
 * A thousand shards with a few records each, in three windows. One shard gets nothing, and holds the watermark until it
 * is proven idle. One shard is behind, and holds the watermark at its own. A finalize run has to look at all of them
 * and to close them, within its time and its limit of calls.
 */
export async function manyShards(extent: Extent): Promise<Figures> {
  const count = extent === 'whole' ? 1_000 : 200;
  const shards = Array.from({ length: count }, (_, number): ScaleShard => {
    const shardId = `shardId-${String(number).padStart(12, '0')}`;
    return {
      shardId,
      put: number === count - 1 ? 0 : recordsPerShard,
      event: (position) => {
        // Each shard is a little ahead of the one before, so that every one has a watermark of its own.
        const time = Math.floor(position / perWindow) * hourMs + (position % perWindow) * 1_000 + number;
        return { id: `${number}.${position}`, time, key: `k${number % 7}`, garbage: false };
      },
    };
  });
  const windows = recordsPerShard / perWindow;
  const world = createScaleWorld({
    windowMs: hourMs,
    idleMs,
    shards,
    idsOfWindow: (start) => {
      const window = start / hourMs;
      if (window >= windows) return [];
      return shards
        .slice(0, -1)
        .flatMap((_, number) => Array.from({ length: perWindow }, (_, i) => `${number}.${window * perWindow + i}`));
    },
  });
  const { rounds, oracle, stores } = world;
  const containers = shards.map((shard) => world.container(shard));
  const behind = containers[Math.floor(count / 2)];
  demand(behind !== undefined, 'I8', () => 'no shards');

  /** Applies the same records of many shards side by side. */
  const applyAll = (some: typeof containers, from: number, to: number) =>
    rounds.run(() =>
      Promise.all(some.filter(({ shard }) => shard.put > 0).map((container) => world.apply(container, from, to))),
    );
  const runs: TimedRun[] = [];
  async function run(request?: 'drain') {
    const timed = await world.finalizeRun(request);
    runs.push(timed);
    demand(
      // Those of the stream have a bound of their own.
      timed.mostAtOnce <= 2 * concurrency,
      'I11',
      () => `a finalize run has ${timed.mostAtOnce} calls under way at a time`,
    );
    demand(timed.report !== undefined, 'I8', () => 'a finalize run does not end');
    return timed.report;
  }

  await applyAll(containers, 0, recordsPerShard - 1);
  const empty = await run();
  demand(
    empty.watermark === Number.NEGATIVE_INFINITY && empty.heldBy === shards.at(-1)?.shardId,
    'I7',
    () => `with a shard that has no record, W is ${empty.watermark}, held by ${empty.heldBy}`,
  );
  await applyAll(
    containers.filter((container) => container !== behind),
    recordsPerShard - 1,
    recordsPerShard,
  );
  rounds.pass(2 * idleMs);
  const held = await run();
  const bound = behind.shard.event(recordsPerShard - 2).time;
  demand(
    held.watermark === bound && held.heldBy === behind.shard.shardId && held.windows === windows - 1,
    'I7',
    () =>
      `${behind.shard.shardId} is behind at ${bound}, and W is ${held.watermark}, held by ${held.heldBy}, with ${held.windows} windows final`,
  );
  await applyAll([behind], recordsPerShard - 1, recordsPerShard);
  const drained = await run('drain');
  demand(drained.drained, 'I8', () => `a drain says ${drained.closingsLeft} closings are left`);
  oracle.checkEnd(stores.state, stores.windows, 0, (windows - 1) * hourMs);
  return {
    shards: count,
    callsPerRun: runs.map(({ calls }) => calls).join(' '),
    msPerRun: runs.map(({ ms }) => ms).join(' '),
    mostCallsAtOnce: Math.max(...runs.map(({ mostAtOnce }) => mostAtOnce)),
    largestBytes: JSON.stringify(world.measures.largest),
    longestQuery: JSON.stringify(world.measures.longest),
  };
}
