import { awsAccount, startMs } from '../aws/aws-account.ts';
import { awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline } from '../aws/scale-pipeline.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { feedShards, shardsOf } from './feed.ts';
import { watchFinals } from './final-windows.ts';
import { watchGathered } from './gathered.ts';

const batchEvents = 10;

/** Epochs are held back to one every so many ms for each shard (DESIGN 4.2). */
const perShardMs = 20;

async function run({ extent, limits, costs, progress }: AimOptions): Promise<AimOutcome> {
  const isWhole = extent === 'whole';
  const count = isWhole ? 1_000 : 60;
  const seconds = isWhole ? 60 : 15;
  const account = awsAccount(limits, costs);
  const deployed = awsPipeline(account, scalePipeline({ windowMs: 1_000, delayMs: 0 }), shardsOf(count));
  const finals = watchFinals(account);
  const gathered = watchGathered(account);
  let isOver = false;
  const feed = feedShards(deployed, {
    models: 1,
    batches: seconds,
    everyMs: 1_000,
    batch: (_model, number) => ({
      from: number * batchEvents,
      to: (number + 1) * batchEvents,
      arrivalMs: account.time.now(),
      timeOf: (position) => startMs + position * (1_000 / batchEvents),
      keyOf: (position) => position % 7,
    }),
    after: (number) => {
      if (number % 20 === 0) progress(`${number} s, ${gathered.epoch} epochs, ${finals.at.size} windows final`);
      isOver = number >= seconds - 1;
    },
  });
  await account.time.run(Promise.all([feed, deployed.schedule(() => isOver, seconds * 1_000 + 60_000)]));
  const gapMs = Math.max(1_000, count * perShardMs);
  const electedAt = gathered.electedAt.filter((at) => at < startMs + seconds * 1_000);
  const allowed = Math.ceil((seconds * 1_000) / gapMs) + 1;
  const gaps = electedAt.slice(2).map((at, i) => at - (electedAt[i + 1] ?? at));
  const use = useOf(account.invoked, 'finalize');
  const perSecond = use.writeUnits / seconds;
  return {
    instance: `real: ${count} shards, windows of 1 s, ${seconds} s`,
    figure: `${electedAt.length} epochs in ${seconds} s, at least ${(Math.min(...gaps) / 1_000).toFixed(1)} s apart; ${Math.round(perSecond)} write units a second; ${use.invocations} runs`,
    aim: `at most ${allowed} epochs, one every ${gapMs / 1_000} s`,
    met: electedAt.length <= allowed,
    cost: costText({ finalize: use }),
    bottleneck: bottleneckOf(account, 'finalize'),
    values: {
      epochs: electedAt.length,
      allowed,
      writeUnits: use.writeUnits,
      windows: finals.at.size,
      runs: use.invocations,
    },
  };
}

export const shortWindowsAim: Aim = { letter: 'f', title: 'epochs of 1,000 shards at 1-second windows', run };
