import { awsAccount, startMs } from '../aws/aws-account.ts';
import { awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline, scaleRecords } from '../aws/scale-pipeline.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { shardsOf } from './feed.ts';
import { watchFinals } from './final-windows.ts';

const minuteMs = 60_000;
const dayMinutes = 24 * 60;
const wholeDays = 400;
const aimMs = 3_600_000;
const batchEvents = 1_000;

/** One shard stays at its first record while another one goes on for days; then it catches up. */
async function run({ extent, limits, costs, progress }: AimOptions): Promise<AimOutcome> {
  const days = extent === 'whole' ? 40 : 1;
  const windows = days * dayMinutes;
  const account = awsAccount(limits, costs);
  const { time } = account;
  const shards = shardsOf(2);
  const deployed = awsPipeline(account, scalePipeline({ windowMs: minuteMs, delayMs: 0 }), shards);
  const finals = watchFinals(account);
  const [leading, lagging] = shards.map((shard) => deployed.aggregator(shard));
  if (leading === undefined || lagging === undefined) throw new Error('no shards');
  const records = (from: number, to: number, everyMinutes: number) =>
    scaleRecords({
      from,
      to,
      arrivalMs: time.now(),
      timeOf: (position) => startMs + position * everyMinutes * minuteMs,
      keyOf: () => 1,
    });
  await time.run(lagging.apply(records(0, 1, 1)).then(() => undefined));
  const all = windows + 1;
  await time.run(
    (async () => {
      for (let from = 0, batches = 1; from < all; from += batchEvents, batches++) {
        const to = Math.min(all, from + batchEvents);
        leading.shard.put = to;
        await leading.apply(records(from, to, 1));
        // The schedule goes on beside it: what is old is gathered, and nothing closes.
        if (batches % 16 === 0) {
          await time.sleep(minuteMs);
          await deployed.finalize();
          progress(`${Math.floor(to / dayMinutes)} of ${days} days are in`);
        }
      }
    })(),
  );
  const before = useOf(account.invoked, 'finalize');
  demand(finals.at.size === 0, 'I7', () => `${finals.at.size} windows are final while a shard holds W`);
  account.dynamo.throughput.reset();
  lagging.shard.put = 2;
  await time.run(
    lagging
      .apply(
        scaleRecords({
          from: 1,
          to: 2,
          arrivalMs: time.now(),
          timeOf: () => startMs + windows * minuteMs,
          keyOf: () => 1,
        }),
      )
      .then(() => undefined),
  );
  const closed = time.now();
  await time.run(deployed.schedule(() => finals.at.size >= windows, 24 * 3_600_000));
  const isDone = finals.at.size >= windows;
  const ms = isDone ? Math.max(...finals.at.values()) - closed : Number.POSITIVE_INFINITY;
  demand(!isDone || finals.records === windows + 1, 'I4', () => `${finals.records} records of ${windows + 1}`);
  const use = useOf(account.invoked, 'finalize');
  const times = wholeDays / days;
  const computed = ms * times;
  return {
    instance: `real: ${days} days of minutes, ${windows.toLocaleString('en-US')} windows; the figure is ${times} times what they take, for the work is linear in the windows`,
    figure: `${wholeDays} days in ${(computed / minuteMs).toFixed(1)} minutes (${days} days in ${(ms / minuteMs).toFixed(1)} by ${use.invocations - before.invocations} runs)`,
    aim: `${aimMs / minuteMs} minutes`,
    met: computed <= aimMs,
    cost: `${costText({ finalize: use })}, for ${days} days`,
    bottleneck: bottleneckOf(account, 'finalize'),
    values: { ms, computed, writeUnits: use.writeUnits, cutOff: use.failed },
  };
}

export const laggingMinutesAim: Aim = { letter: 'e', title: '400 days of minutes behind', run };
