import { queryApp } from '../../../../functions/api/app.ts';
import { createMeter } from '../../../../functions/state/table/dynamodb-table.ts';
import { awsAccount, startMs } from '../aws/aws-account.ts';
import { awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline } from '../aws/scale-pipeline.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { feedShards, shardsOf } from './feed.ts';
import { watchGathered } from './gathered.ts';

const minuteMs = 60_000;
const aimMs = 5_000;
const keys = 100;

/** Epochs of the open windows: each has something of every window. */
const epochs = 4;

async function run({ extent, limits, costs, progress }: AimOptions): Promise<AimOutcome> {
  const isWhole = extent === 'whole';
  const count = isWhole ? 100 : 10;
  const windows = isWhole ? 250 : 30;
  const account = awsAccount(limits, costs);
  const { time } = account;
  const pipeline = scalePipeline({ windowMs: minuteMs, delayMs: (windows + 10) * minuteMs });
  const deployed = awsPipeline(account, pipeline, shardsOf(count), { asks: 'off' });
  const gathered = watchGathered(account);
  const perBatch = windows * 4;
  const feedFrom = (batches: number, from: number) =>
    feedShards(deployed, {
      models: Math.min(count - 1, 25),
      batches,
      everyMs: 1_000,
      batch: (model, number) => ({
        from: (from + number) * perBatch,
        to: (from + number + 1) * perBatch,
        arrivalMs: time.now(),
        timeOf: (position) => startMs + (windows - 1 - (position % windows)) * minuteMs,
        keyOf: (position) => (Math.floor(position / windows) * 25 + model) % keys,
      }),
    });
  for (let epoch = 0; epoch < epochs; epoch++) {
    await time.run(feedFrom(1, epoch));
    // What is an hour old is gathered.
    await time.run(time.sleep(3_600_000 + minuteMs));
    await time.run(deployed.finalize().then(() => deployed.settled()));
  }
  demand(gathered.epoch >= epochs, 'I8', () => `${gathered.epoch} epochs are gathered`);
  // And what no epoch has yet.
  await time.run(feedFrom(1, epochs));
  progress('the windows are open');
  account.dynamo.throughput.reset();
  const answers: Record<string, number> = {};
  const range = `from=${startMs}&to=${startMs + windows * minuteMs}`;
  for (const [name, path] of Object.entries({
    windows: `windows?status=open&limit=${windows}`,
    totals: `totals?${range}&status=all`,
    top: `top?window=${startMs}&by=count&n=10`,
    window: `windows/${startMs}`,
  })) {
    const read = await time.run(
      account.invoke('query', async (invocation, tables) => {
        const app = queryApp({
          pipeline,
          tables: { ...tables, meter: createMeter() },
          now: () => invocation.now(),
          newSecret: () => 'a secret of the simulation, which signs cursors',
          onError: (error) => {
            throw error;
          },
        });
        const response = await app.request(`/v1/queries/byKey/${path}`);
        const text = await response.text();
        demand(response.status === 200, 'I6', () => `${name}: ${response.status} ${text.slice(0, 300)}`);
        demand(text.length <= limits.payloadBytes, 'I6', () => `${name}: ${text.length} bytes are more than a payload`);
        // The answer is written out.
        await invocation.compute((text.length / 1024 ** 2) * jsonMsPerMb);
        return text.length;
      }),
    );
    demand(read.answer !== undefined, 'I6', () => `${name}: ${String(read.error)}`);
    answers[name] = read.ms;
  }
  const mostMs = Math.max(...Object.values(answers));
  return {
    instance: `real: ${count} shards, ${windows} open windows of ${keys} keys on each, ${epochs} epochs and what came after them`,
    figure: Object.entries(answers)
      .map(([name, ms]) => `${name} ${(ms / 1_000).toFixed(2)} s`)
      .join(', '),
    aim: `each in ${aimMs / 1_000} s`,
    met: mostMs <= aimMs,
    cost: costText({ query: useOf(account.invoked, 'query') }),
    bottleneck: bottleneckOf(account, 'query'),
    values: { mostMs, ...answers },
  };
}

/** CPU to write a megabyte of JSON, in ms. */
const jsonMsPerMb = 10;

export const openReadsAim: Aim = { letter: 'i', title: 'reads of 100 shards x 250 open windows', run };
