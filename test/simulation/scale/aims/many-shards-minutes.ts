import { costOf } from '../../../../cli/cost/model.ts';
import { awsAccount, startMs } from '../aws/aws-account.ts';
import { awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline } from '../aws/scale-pipeline.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { feedShards, scattered, shardsOf } from './feed.ts';
import { watchFinals, watchWatermark } from './final-windows.ts';

const batchEvents = 1_000;
const minuteMs = 60_000;
const aimMs = 60_000;

/** Given up after so many minutes behind the last closing. */
const mostMinutes = 6;

async function run({ extent, limits, costs, progress }: AimOptions): Promise<AimOutcome> {
  const isWhole = extent === 'whole';
  const count = isWhole ? 1_000 : 6;
  const keys = isWhole ? 1_000_000 : 5_000;
  const models = isWhole ? 40 : 2;
  const windows = 2;
  const account = awsAccount(limits, costs);
  const deployed = awsPipeline(account, scalePipeline({ windowMs: minuteMs, delayMs: 0 }), shardsOf(count));
  const finals = watchFinals(account);
  const { passedAt } = watchWatermark(account, count);
  const starts = Array.from({ length: windows }, (_, i) => startMs + i * minuteMs);
  const isOver = () => starts.every((start) => finals.at.has(start));
  const feed = feedShards(deployed, {
    models,
    batches: windows * 60 + 2,
    everyMs: 1_000,
    isOver,
    batch: (model, number) => ({
      from: number * batchEvents,
      to: (number + 1) * batchEvents,
      arrivalMs: account.time.now(),
      timeOf: (position) => startMs + position,
      keyOf: (position) => scattered(position * models + model, keys),
    }),
    after: (number) => {
      if (number % 20 === 0) progress(`${number} s of events over ${count} shards, ${finals.at.size} windows final`);
    },
  });
  await account.time.run(Promise.all([feed, deployed.schedule(isOver, (windows + mostMinutes) * minuteMs)]));
  const finalMs = starts.map((start) => {
    const closed = passedAt(start + minuteMs);
    demand(closed !== undefined, 'I8', () => `the window of ${start} is not closed`);
    return (finals.at.get(start) ?? Number.POSITIVE_INFINITY) - closed;
  });
  const isDone = finals.at.size >= windows;
  demand(
    !isDone || finals.records === windows * 60 * batchEvents * count,
    'I4',
    () => `${finals.records} records are final of ${windows * 60 * batchEvents * count}`,
  );
  const uses = { aggregate: useOf(account.invoked, 'aggregate'), finalize: useOf(account.invoked, 'finalize') };
  const events = count * batchEvents * (windows * 60 + 2);
  const measured = ((uses.aggregate.writeUnits + uses.finalize.writeUnits) / events) * 1e6;
  const predicted = costOf({
    eventsPerSecond: count * batchEvents,
    keys,
    shards: count,
    eventBytes: 200,
    dedup: 'none',
    windowSeconds: 60,
    batchSeconds: 1,
    requestsPerMonth: 0,
  }).writeUnitsPerMillion;
  const text = (ms: number) =>
    Number.isFinite(ms) ? `${(ms / 1_000).toFixed(1)} s` : `not after ${mostMinutes} minutes`;
  const isAsPredicted = measured <= 1.2 * predicted;
  return {
    instance: `real: ${count} shards, ${windows} windows, ${(events / 1e6).toFixed(1)} M events of ${keys.toLocaleString('en-US')} keys; ${models} shards' batches are folded, the others are copies`,
    figure: `windows final ${finalMs.map(text).join(', ')} after their closing; ${Math.round(measured).toLocaleString('en-US')} write units a million events, ${Math.round(predicted).toLocaleString('en-US')} predicted`,
    aim: 'each within 60 s, cost at most 1.2 of the prediction',
    met: finalMs.every((ms) => ms <= aimMs) && isDone && isAsPredicted,
    cost: costText(uses),
    bottleneck: bottleneckOf(account, 'finalize'),
    values: { finalMs: Math.max(...finalMs), writesPerMillion: measured, predicted, cutOff: uses.finalize.failed },
  };
}

export const manyShardsMinutesAim: Aim = {
  letter: 'b',
  title: '1,000 shards x 1,000 events/s x 1 M keys, minutes',
  run,
};
