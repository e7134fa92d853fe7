import { costOf } from '../../../../cli/cost/model.ts';
import { usualQuestion } from '../../../../cli/cost/question.ts';
import { awsAccount, startMs } from '../aws/aws-account.ts';
import { awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline } from '../aws/scale-pipeline.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { feedShards, scattered, shardsOf } from './feed.ts';
import { watchFinals, watchWatermark } from './final-windows.ts';

/** Events of a batch, by window: the first one tells the lanes how many keys there are. */
const batchEvents = [100, 1_000] as const;
const batches = 60;
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
  const before = (number: number) => {
    const [few, many] = batchEvents;
    return number <= batches ? number * few : batches * few + (number - batches) * many;
  };
  const isOver = () => starts.every((start) => finals.at.has(start));
  const feed = feedShards(deployed, {
    models,
    batches: windows * batches + 2,
    everyMs: 1_000,
    isOver,
    batch: (model, number) => ({
      from: before(number),
      to: before(number + 1),
      arrivalMs: account.time.now(),
      timeOf: () => startMs + number * 1_000,
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
    !isDone || finals.records === before(windows * batches) * count,
    'I4',
    () => `${finals.records} records are final of ${before(windows * batches) * count}`,
  );
  const uses = { aggregate: useOf(account.invoked, 'aggregate'), finalize: useOf(account.invoked, 'finalize') };
  const events = count * before(windows * batches);
  const written = uses.aggregate.writeUnits + uses.finalize.writeUnits;
  const predicted = batchEvents
    .map((each) => {
      const { writeUnitsPerMillion } = costOf({
        ...usualQuestion,
        eventsPerSecond: count * each,
        keys,
        shards: count,
        eventBytes: 200,
        dedup: 'none',
        windowSeconds: 60,
        batchSeconds: 1,
        requestsPerMonth: 0,
      });
      return (writeUnitsPerMillion * count * each * batches) / 1e6;
    })
    .reduce((total, units) => total + units, 0);
  const text = (ms: number) =>
    Number.isFinite(ms) ? `${(ms / 1_000).toFixed(1)} s` : `not after ${mostMinutes} minutes`;
  const isAsPredicted = written <= 1.2 * predicted;
  return {
    instance: `real: ${count} shards, ${windows} windows, ${(events / 1e6).toFixed(1)} M events of ${keys.toLocaleString('en-US')} keys, ${batchEvents.join(' and ')} a second and shard; ${models} shards' batches are folded, the others are copies`,
    figure: `windows final ${finalMs.map(text).join(', ')} after their closing; ${Math.round(written).toLocaleString('en-US')} write units, ${Math.round(predicted).toLocaleString('en-US')} predicted`,
    aim: 'each within 60 s, cost at most 1.2 of the prediction',
    met: finalMs.every((ms) => ms <= aimMs) && isDone && isAsPredicted,
    cost: costText(uses),
    bottleneck: bottleneckOf(account, 'finalize'),
    values: { finalMs: Math.max(...finalMs), writeUnits: written, predicted, cutOff: uses.finalize.failed },
  };
}

export const manyShardsMinutesAim: Aim = {
  letter: 'b',
  title: '1,000 shards x 1,000 events/s x 1 M keys, minutes',
  run,
};
