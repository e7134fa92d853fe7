import { awsAccount, startMs } from '../aws/aws-account.ts';
import { awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline } from '../aws/scale-pipeline.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { feedShards, shardsOf } from './feed.ts';
import { watchFinals } from './final-windows.ts';
import { watchGathered } from './gathered.ts';

const minuteMs = 60_000;

/** Windows of a minute that are all open on all shards. */
interface OpenWindows {
  readonly shards: number;
  readonly windows: number;
  /** Batches of each shard, a second from one to the next. */
  readonly batches: number;
  /** How soon they are gathered, and how soon all are final once W has passed them, in ms. */
  readonly gatherAimMs: number;
  readonly finalAimMs: number;
}

async function runOpen({ limits, costs, progress }: AimOptions, given: OpenWindows): Promise<AimOutcome> {
  const { shards: count, windows, batches, gatherAimMs, finalAimMs } = given;
  const account = awsAccount(limits, costs);
  const delayMs = (windows + 10) * minuteMs;
  const shards = shardsOf(count);
  const deployed = awsPipeline(account, scalePipeline({ windowMs: minuteMs, delayMs }), shards);
  const finals = watchFinals(account);
  const gathered = watchGathered(account);
  const events = Math.ceil(windows / batches);
  const total = events * batches;
  // Every event is of a window of its own, and the first one is of the last of them.
  const timeOf = (position: number) => startMs + ((total - 1 - position) % windows) * minuteMs;
  const { time } = account;
  const feed = async () => {
    await feedShards(deployed, {
      models: 1,
      batches,
      everyMs: 1_000,
      batch: (_model, number) => ({
        from: number * events,
        to: (number + 1) * events,
        arrivalMs: time.now(),
        timeOf,
        keyOf: () => 1,
      }),
    });
  };
  await time.run(feed());
  const batchCalls = useOf(account.invoked, 'aggregate');
  progress(`${count} shards have ${windows} open windows each`);

  // The logs are long, or old: an epoch gathers them.
  const oldest = 3_600_000 + minuteMs;
  await time.run(time.sleep(oldest));
  const began = time.now();
  await time.run(deployed.schedule(() => gathered.epoch > 0, 60 * minuteMs));
  const gatherMs = (gathered.at ?? Number.POSITIVE_INFINITY) - began;
  const gather = useOf(account.invoked, 'finalize');
  const gatherHeld = bottleneckOf(account, 'finalize');
  progress(`gathered after ${gatherMs / 1_000} s`);

  // An event behind all of them closes them all.
  await time.run(
    feedShards(deployed, {
      models: 1,
      batches: 1,
      everyMs: 1_000,
      batch: () => ({
        from: total,
        to: total + 1,
        arrivalMs: time.now(),
        timeOf: () => startMs + delayMs + windows * minuteMs,
        keyOf: () => 1,
      }),
    }),
  );
  account.dynamo.throughput.reset();
  const closed = time.now();
  await time.run(deployed.schedule(() => finals.at.size >= windows, 120 * minuteMs));
  const finalMs = finals.at.size >= windows ? Math.max(...finals.at.values()) - closed : Number.POSITIVE_INFINITY;
  demand(
    finals.at.size < windows || finals.records === total * count,
    'I4',
    () => `${finals.records} records are final of ${total * count}`,
  );
  const uses = { aggregate: useOf(account.invoked, 'aggregate'), finalize: useOf(account.invoked, 'finalize') };
  const text = (ms: number) => (Number.isFinite(ms) ? `${(ms / 1_000).toFixed(1)} s` : 'never within the time given');
  return {
    instance: `real: ${count} shards, ${windows.toLocaleString('en-US')} windows open on each`,
    figure: `gathered in ${text(gatherMs)} by ${gather.invocations} runs; all final ${text(finalMs)} after they close; ${(batchCalls.calls / batchCalls.invocations).toFixed(1)} calls a batch`,
    aim: `gathered in ${gatherAimMs / 1_000} s, final in ${finalAimMs / 1_000} s`,
    met: gatherMs <= gatherAimMs && finalMs <= finalAimMs,
    cost: costText(uses),
    bottleneck: `gathering: ${gatherHeld}; closing: ${bottleneckOf(account, 'finalize')}`,
    values: { gatherMs, finalMs, writeUnits: uses.finalize.writeUnits, cutOff: uses.finalize.failed },
  };
}

export const openOnManyShardsAim: Aim = {
  letter: 'c',
  title: '1,000 shards x 10,000 open windows',
  run: (options) =>
    runOpen(
      options,
      options.extent === 'whole'
        ? { shards: 1_000, windows: 10_000, batches: 65, gatherAimMs: 60_000, finalAimMs: 600_000 }
        : { shards: 8, windows: 200, batches: 4, gatherAimMs: 60_000, finalAimMs: 600_000 },
    ),
};

export const openOnOneShardAim: Aim = {
  letter: 'd',
  title: '100,000 open windows on one shard',
  run: (options) =>
    runOpen(
      options,
      options.extent === 'whole'
        ? { shards: 1, windows: 100_000, batches: 100, gatherAimMs: 300_000, finalAimMs: 600_000 }
        : { shards: 1, windows: 800, batches: 2, gatherAimMs: 300_000, finalAimMs: 600_000 },
    ),
};
