import { awsAccount } from '../aws/aws-account.ts';
import { awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline, scaleRecords } from '../aws/scale-pipeline.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { shardsOf } from './feed.ts';

const perSecond = 1_000;

/** A batch holds what came in meanwhile, as far as Lambda's batch goes. */
const mostRecords = 10_000;
const aimMs = 5_000;

async function run({ extent, limits, costs, progress }: AimOptions): Promise<AimOutcome> {
  const seconds = extent === 'whole' ? 120 : 5;
  const account = awsAccount(limits, costs);
  const { time } = account;
  const shards = shardsOf(1);
  const deployed = awsPipeline(account, scalePipeline({ windowMs: 60_000, delayMs: 0 }), shards);
  const [aggregator] = shards.map((shard) => deployed.aggregator(shard));
  if (aggregator === undefined) throw new Error('no shard');
  const began = time.now();
  const lags: number[] = [];
  const total = seconds * perSecond;
  await time.run(
    (async () => {
      for (let at = 0; at < total; ) {
        await time.sleep(Math.max(0, began + ((at + perSecond) * 1_000) / perSecond - time.now()));
        const there = Math.min(total, Math.floor(((time.now() - began) * perSecond) / 1_000));
        const to = Math.min(there, at + mostRecords);
        const arrivalMs = Math.floor(began + (to * 1_000) / perSecond);
        aggregator.shard.put = to;
        await aggregator.apply(scaleRecords({ from: at, to, arrivalMs, timeOf: () => 0, keyOf: () => undefined }));
        lags.push(time.now() - arrivalMs);
        at = to;
        if (lags.length % 20 === 0) progress(`${at} events, ${(lags.at(-1) ?? 0) / 1_000} s behind`);
      }
    })(),
  );
  const put = [...account.dynamo.items.rejects.values()].reduce((sum, { items }) => sum + items.size, 0);
  demand(put > 0, 'I4', () => 'nothing is in the side output');
  const half = Math.max(...lags.slice(0, Math.ceil(lags.length / 2)));
  const lagMs = Math.max(...lags);
  const use = useOf(account.invoked, 'aggregate');
  const isGrowing = lagMs > 1.5 * half + 1_000;
  return {
    instance: `real: 1 shard, ${total.toLocaleString('en-US')} events, none of them valid, ${perSecond.toLocaleString('en-US')} a second`,
    figure: `at most ${(lagMs / 1_000).toFixed(1)} s behind${isGrowing ? ', and growing' : ''}`,
    aim: `at most ${aimMs / 1_000} s, not growing`,
    met: lagMs <= aimMs && !isGrowing,
    cost: costText({ aggregate: use }),
    bottleneck: bottleneckOf(account, 'aggregate'),
    values: { lagMs, items: put, writeUnits: use.writeUnits },
  };
}

export const badEventsAim: Aim = { letter: 'j', title: 'a shard of only bad events, 1,000 a second', run };
