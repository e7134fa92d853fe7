import { awsAccount, startMs } from '../aws/aws-account.ts';
import { type AwsPipeline, awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline } from '../aws/scale-pipeline.ts';
import { demand } from '../demand.ts';
import { bottleneckOf, costText, useOf } from './account-figures.ts';
import type { Aim, AimOptions, AimOutcome } from './aim.ts';
import { feedShards, scattered, shardsOf } from './feed.ts';
import { type FinalWindows, watchFinals, watchWatermark } from './final-windows.ts';

const batchEvents = 1_000;

/** One shard that counts many keys in a long window, up to the moment at which the window closes. */
export interface ManyKeys {
  readonly deployed: AwsPipeline;
  readonly finals: FinalWindows;
  readonly windowMs: number;
  readonly keys: number;
  readonly passedAt: (ms: number) => number | undefined;
  /** Feeds seconds of the stream; the schedule runs beside it. */
  feed(seconds: number, isOver?: () => boolean): Promise<void>;
}

/** @param seconds of the window */
export function manyKeys({ limits, costs, progress }: AimOptions, seconds: number, keys: number): ManyKeys {
  const account = awsAccount(limits, costs);
  const windowMs = seconds * 1_000;
  const deployed = awsPipeline(account, scalePipeline({ windowMs, delayMs: 0 }), shardsOf(1));
  const finals = watchFinals(account);
  const { passedAt } = watchWatermark(account, 1);
  let fed = 0;
  return {
    deployed,
    finals,
    windowMs,
    keys,
    passedAt,
    async feed(more, isOver) {
      const from = fed;
      await feedShards(deployed, {
        models: 1,
        batches: more,
        everyMs: 1_000,
        ...(isOver === undefined ? {} : { isOver }),
        batch: (_model, number) => ({
          from: (from + number) * batchEvents,
          to: (from + number + 1) * batchEvents,
          arrivalMs: account.time.now(),
          timeOf: (position) => startMs + position,
          keyOf: (position) => scattered(position, keys),
        }),
        after: (number) => {
          fed = from + number + 1;
          if (fed % 600 === 0) progress(`${fed} s of events, ${finals.at.size} windows final`);
        },
      });
    },
  };
}

const aimMs = 30_000;

async function run(options: AimOptions): Promise<AimOutcome> {
  const isWhole = options.extent === 'whole';
  const seconds = isWhole ? 3_600 : 90;
  const keys = isWhole ? 1_000_000 : 20_000;
  const world = manyKeys(options, seconds, keys);
  const { deployed, finals, passedAt, windowMs } = world;
  const { account } = deployed;
  const isOver = () => finals.at.has(startMs);
  const work = Promise.all([world.feed(seconds + 900, isOver), deployed.schedule(isOver, windowMs + 900_000)]);
  await account.time.run(work);
  const closed = passedAt(startMs + windowMs);
  demand(closed !== undefined, 'I8', () => 'the window is not closed');
  const finalAt = finals.at.get(startMs);
  const finalMs = finalAt === undefined ? Number.POSITIVE_INFINITY : finalAt - closed;
  demand(
    finalAt === undefined || finals.records === seconds * batchEvents,
    'I4',
    () => `${finals.records} records are final`,
  );
  const uses = { aggregate: useOf(account.invoked, 'aggregate'), finalize: useOf(account.invoked, 'finalize') };
  const held = [...account.dynamo.items.windows.values()].flatMap(({ items }) => [...items.values()]);
  const rows = held.reduce((total, { windowRows }) => total + windowRows, 0);
  return {
    instance: `real: 1 shard, ${seconds} s of 1,000 events/s, ${keys.toLocaleString('en-US')} keys, ${rows.toLocaleString('en-US')} rows`,
    figure:
      finalAt === undefined
        ? 'not final after 15 minutes'
        : `final ${(finalMs / 1_000).toFixed(1)} s after its closing`,
    aim: `${aimMs / 1_000} s`,
    met: finalMs <= aimMs,
    cost: costText(uses),
    bottleneck: bottleneckOf(account, 'finalize'),
    values: {
      finalMs,
      rows,
      writeUnits: uses.aggregate.writeUnits + uses.finalize.writeUnits,
      cutOff: uses.finalize.failed,
    },
  };
}

export const manyKeysAim: Aim = { letter: 'a', title: '1 shard, 1 M keys an hour', run };
