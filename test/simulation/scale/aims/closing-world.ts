import { awsAccount, startMs } from '../aws/aws-account.ts';
import { type AwsPipeline, awsPipeline } from '../aws/aws-pipeline.ts';
import { scalePipeline } from '../aws/scale-pipeline.ts';
import type { StoredPartition } from '../aws/stored-partition.ts';
import type { AimOptions } from './aim.ts';
import { feedShards, scattered, shardsOf } from './feed.ts';
import { type FinalWindows, watchFinals } from './final-windows.ts';

const batchEvents = 10_000;

/** The state of a shard with many keys whose window has just been passed by W. */
export interface ClosingState {
  readonly seconds: number;
  readonly keys: number;
  readonly records: number;
  readonly items: ReadonlyMap<string, StoredPartition>;
  readonly put: number;
  readonly nowMs: number;
}

const states = new Map<string, Promise<ClosingState>>();

/** The state of 1 M keys, or of some for a test; made once. */
export function closingState(options: AimOptions): Promise<ClosingState> {
  const state = states.get(options.extent) ?? makeState(options);
  states.set(options.extent, state);
  return state;
}

async function makeState({ extent, limits, costs, progress }: AimOptions): Promise<ClosingState> {
  const isWhole = extent === 'whole';
  const seconds = isWhole ? 300 : 12;
  const keys = isWhole ? 1_000_000 : 20_000;
  const account = awsAccount(limits, costs);
  const pipeline = scalePipeline({ windowMs: seconds * 1_000, delayMs: 0 });
  const shards = shardsOf(1);
  const deployed = awsPipeline(account, pipeline, shards, { asks: 'off' });
  let isOver = false;
  const feed = feedShards(deployed, {
    models: 1,
    batches: seconds + 1,
    everyMs: 1_000,
    batch: (_model, number) => ({
      from: number * batchEvents,
      to: (number + 1) * batchEvents,
      arrivalMs: account.time.now(),
      timeOf: (position) => startMs + position / (batchEvents / 1_000),
      keyOf: (position) => scattered(position, keys),
    }),
    after: (number) => {
      if (number % 60 === 0) progress(`${number} s of events`);
      // The last batch passes the end; no run comes between it and the end of this.
      isOver = number >= seconds - 10;
    },
  });
  await account.time.run(Promise.all([feed, deployed.schedule(() => isOver, (seconds - 10) * 1_000)]));
  const [shard] = shards;
  return {
    seconds,
    keys,
    records: seconds * batchEvents,
    items: account.dynamo.items.state,
    put: shard?.put ?? 0,
    nowMs: account.time.now(),
  };
}

/** A deployment that begins with a state. */
export interface ClosingWorld {
  readonly deployed: AwsPipeline;
  readonly finals: FinalWindows;
}

export async function closingWorld({ limits, costs }: AimOptions, state: ClosingState): Promise<ClosingWorld> {
  const account = awsAccount(limits, costs);
  await account.time.run(account.time.sleep(state.nowMs - account.time.now()));
  for (const [pk, partition] of state.items)
    for (const [sk, stored] of partition.items) account.dynamo.prepare('state', pk, sk, stored);
  const finals = watchFinals(account);
  const [shard] = shardsOf(1);
  if (shard === undefined) throw new Error('no shard');
  shard.put = state.put;
  const pipeline = scalePipeline({ windowMs: state.seconds * 1_000, delayMs: 0 });
  return { deployed: awsPipeline(account, pipeline, [shard], { asks: 'off' }), finals };
}
